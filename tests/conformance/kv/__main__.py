"""Other people's tests, run on `ropewalk kv`: Redis's own suite, and that of redis-py.

    python3 tests/conformance/kv [--record] [--server COMMAND] [redis | redis-py] [FILE...]

What passed and what failed is compared with the table beside this file: a loss is an error, and so is a
gain that the table does not know yet; `--record` writes it down. `--server redis-server` judges the
judges: whatever fails there is not our fault. The one rule: nothing is skipped here but what the original
server cannot pass either.
"""

import argparse
import os
import sys

import redis_py
import redis_suite
from server import Server

TARGET = os.environ.get("CARGO_TARGET_DIR", "target")
JUDGES = {"redis": redis_suite, "redis-py": redis_py}


def main():
    parser = argparse.ArgumentParser(prog="tests/conformance/kv", description=__doc__.split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help="write down what passes and fails now")
    parser.add_argument("--server", default=f"{TARGET}/release/ropewalk kv", help="what to test, a port is appended")
    parser.add_argument("--logs", metavar="DIR", help="where to leave the whole output of each file")
    parser.add_argument("judge", nargs="?", choices=JUDGES, help="both, unless one is named")
    parser.add_argument("files", nargs="*", help="such as unit/type/string; all, unless some are named")
    options = parser.parse_args()

    changed = False
    for name, judge in JUDGES.items():
        if options.judge not in (None, name):
            continue
        files = options.files or judge.files()
        table = judge.table()
        results = {}
        for file in files:
            result = run(judge, file, options, table)
            results[file] = result
            print(f"{name}: {result.line(file)}", flush=True)
            for failure in result.failures:
                known = "" if failure in table.failures(file) else "   (was not failing)"
                print(f"    {failure}{known}", flush=True)
        changed |= report(name, table, results, options.record, whole=not options.files)
    return 1 if changed else 0


def run(judge, file, options, table):
    """Run one file; once more if it loses, for some tests depend on how busy the machine is."""
    result = judge.run(file, Server(options.server), options.logs)
    if table.has_lost(file, result):
        again = judge.run(file, Server(options.server), options.logs)
        if len(again.failures) < len(result.failures):
            return again
    return result


def report(name, table, results, record, whole):
    """Say what has changed against the table. Returns whether anything has, and was not recorded."""
    passed = sum(result.passed for result in results.values())
    failed = sum(len(result.failures) for result in results.values())
    print(f"\n{name}: {passed} passed, {failed} failed, in {len(results)} files")
    changes = table.changes(results)
    for change in changes:
        print(f"  {change}")
    if record:
        table.record(results, whole)
        print(f"  recorded in {table.path}")
        return False
    if changes:
        print("  not as the table has it; if that is meant: --record")
    return bool(changes)


if __name__ == "__main__":
    sys.exit(main())
