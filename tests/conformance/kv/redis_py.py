"""The tests of redis-py 5.0.8, the Python client: its source distribution, in a virtual environment.

Left out are the files about clusters, modules and TLS certificates that only its authors have.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import server
from record import Result, Table

VERSION = "5.0.8"
CACHE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")).absolute() / "conformance"
# The versions of their time: later ones refuse marks that these tests bear.
TOOLS = ["pytest==7.4.4", "pytest-asyncio==0.21.2"]
FILE_SECONDS = 300
MARKS = "not onlycluster and not redismod and not ssl"

FILES = """
test_command_parser test_commands test_connect test_connection test_connection_pool test_credentials
test_encoding test_function test_helpers test_lock test_monitor test_multiprocessing test_pipeline
test_pubsub test_retry test_scripting test_sentinel test_parsers test_hash
test_asyncio/test_commands test_asyncio/test_connect test_asyncio/test_connection
test_asyncio/test_connection_pool test_asyncio/test_credentials test_asyncio/test_cwe_404
test_asyncio/test_encoding test_asyncio/test_hash test_asyncio/test_lock test_asyncio/test_monitor
test_asyncio/test_pipeline test_asyncio/test_pubsub test_asyncio/test_retry test_asyncio/test_scripting
test_asyncio/test_sentinel test_asyncio/test_sentinel_managed_connection
""".split()


def files():
    return FILES


def table():
    return Table(f"redis-py-{VERSION}.txt", f"The tests of redis-py {VERSION}")


def run(file, under_test, logs):
    """Run one file against a fresh server."""
    source, python = prepared_source()
    path = f"tests/{file}" + ("" if (source / "tests" / file).is_dir() else ".py")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(logs or stack.enter_context(tempfile.TemporaryDirectory())).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        name = "redis-py-" + file.replace("/", "-")
        report = folder / f"{name}.xml"
        log = stack.enter_context(open(folder / f"{name}.txt", "wb"))
        under_test.start(stack.enter_context(open(folder / f"{name}.server.txt", "wb")))
        stack.callback(under_test.stop)
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "-o", "asyncio_mode=auto"]
        command += ["--redis-url", f"redis://127.0.0.1:{under_test.port}/0", "-m", MARKS]
        command += [f"--junit-xml={report}", path]
        server.run(command, FILE_SECONDS, log, cwd=source)
        return outcome(report, under_test.died())


def outcome(report, died):
    """Count what is in pytest's report."""
    if not report.exists():
        return Result(0, ["(the file did not come to its end)"])
    passed, failures = 0, []
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        if case.find("failure") is None and case.find("error") is None:
            passed += 1
        else:
            failures.append(f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}")
    if died:
        failures.append("(the server ended)")
    return Result(passed, failures)


def prepared_source():
    """The folder with the tests, and the Python that runs them."""
    source = CACHE / f"redis-{VERSION}"
    python = CACHE / f"redis-py-{VERSION}-env" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *TOOLS], check=True)
    if not source.exists():
        download = ["download", "--quiet", "--no-binary", ":all:", "--no-deps", f"redis=={VERSION}"]
        subprocess.run([python, "-m", "pip", *download], check=True, cwd=CACHE)
        subprocess.run(["tar", "xf", f"redis-{VERSION}.tar.gz"], check=True, cwd=CACHE)
    return source, python
