"""Redis 7.0.15's own test suite, in its external mode.

The source comes from $REDIS_SOURCE, or as Debian's source package. What needs Lua (scripting, functions)
is left out, and nothing else; files that can't run in external mode say so themselves and count nothing.
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import server
from record import Result, Table

VERSION = "7.0.15"
CACHE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "conformance" / f"redis-{VERSION}"

# How long a file may take: the slowest needs about a minute.
FILE_SECONDS = 900

# Looks into the inner life of Redis's hash table, with `DEBUG HTSTATS-KEY`.
SKIPPED = ["SRANDMEMBER with a dict containing long chain"]

FILES = """
unit/type/string unit/type/incr unit/type/list unit/type/list-2 unit/type/list-3 unit/type/set unit/type/zset
unit/type/hash unit/type/stream unit/type/stream-cgroups unit/dump unit/protocol unit/keyspace unit/scan
unit/info unit/info-command unit/sort unit/expire unit/other unit/multi unit/quit unit/auth unit/acl
unit/acl-v2 unit/latency-monitor unit/pubsub unit/pubsubshard unit/slowlog unit/maxmemory unit/introspection
unit/introspection-2 unit/limits unit/obuf-limits unit/bitops unit/bitfield unit/geo unit/memefficiency
unit/hyperloglog unit/lazyfree unit/wait unit/pause unit/querybuf unit/pendingquerybuf unit/tls
unit/tracking unit/networking unit/client-eviction unit/violations unit/replybufsize
integration/redis-cli integration/redis-benchmark integration/replication-buffer
""".split()


def files():
    return FILES


def table():
    return Table(f"redis-{VERSION}.txt", f"Redis {VERSION}'s own test suite")


def run(file, under_test, logs):
    """Run one file against a fresh server."""
    source = prepared_source()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(logs or stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        name = file.replace("/", "-")
        log = stack.enter_context(open(folder / f"{name}.txt", "wb"))
        under_test.start(stack.enter_context(open(folder / f"{name}.server.txt", "wb")))
        stack.callback(under_test.stop)
        command = ["./runtest", "--host", "127.0.0.1", "--port", str(under_test.port), "--durable"]
        command += ["--timeout", "300", "--single", file]
        # Where it looks for a port of its own: below those that the system hands out, and elsewhere than
        # another run beside this one.
        command += ["--baseport", str(random.randrange(22_000, 32_000, 64))]
        for test in SKIPPED:
            command += ["--skiptest", test]
        output = server.run(command, FILE_SECONDS, log, cwd=source, env={**os.environ, "TERM": "dumb"})
        return outcome(output, under_test.died())


def outcome(output, died):
    """Count what the suite has printed."""
    passed = len(re.findall(r"^\[ok\]: ", output, re.MULTILINE))
    failures = []
    # Names are printed twice, the second time in the summary at the end.
    body = output.split("!!! WARNING The following tests failed:")[0]
    for text in re.findall(r"^\[err\]: (.*)$", body, re.MULTILINE):
        failures.append(text.rsplit(" in tests/", 1)[0].strip() or "(no name)")
    if died:
        failures.append("(the server ended)")
    if not re.search(r"^\[\d+/\d+ done\]", output, re.MULTILINE):
        failures.append("(the file did not come to its end)")
    return Result(passed, failures)


def prepared_source():
    """The folder with `runtest` in it, and the programs that it looks for."""
    source = pathlib.Path(os.environ["REDIS_SOURCE"]) if "REDIS_SOURCE" in os.environ else CACHE
    if not (source / "runtest").exists():
        fetch(source)
    for program in ["redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"]:
        link = source / "src" / program
        found = shutil.which(program)
        if not link.exists() and found:
            link.symlink_to(found)
    if not shutil.which("tclsh") and not shutil.which("tclsh8.6"):
        raise SystemExit("the suite is written in Tcl: install tcl")
    return source


def fetch(source):
    """Have apt fetch the source package. Its own set-up, which may not list sources, is left alone."""
    source.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "parts").mkdir()
        for path in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"):
            text = re.sub(r"^Types:.*$", "Types: deb-src", path.read_text(), flags=re.MULTILINE)
            (folder / "parts" / path.name).write_text(text)
        lists = [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*.list")]
        lines = [line for path in lists if path.exists() for line in path.read_text().splitlines()]
        sources = [re.sub(r"^deb ", "deb-src ", line) for line in lines if line.startswith("deb ")]
        (folder / "parts" / "main.list").write_text("\n".join(sources) + "\n")
        options = [
            "Dir::Etc::sourcelist=/dev/null", f"Dir::Etc::sourceparts={folder}/parts",
            f"Dir::State::lists={folder}/lists", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=",
            "APT::Sandbox::User=root",
        ]
        apt = ["apt-get", "-qq"] + [word for option in options for word in ("-o", option)]
        subprocess.run(apt + ["update"], check=True)
        subprocess.run(apt + ["source", "--download-only", "redis"], check=True, cwd=folder)
        [archive] = folder.glob("redis_*.orig.tar.*")
        if VERSION not in archive.name:
            raise SystemExit(f"{archive.name} is not {VERSION}: set REDIS_SOURCE to its source")
        subprocess.run(["tar", "xf", archive, "-C", source, "--strip-components=1"], check=True)
