"""The tables: what passed and what failed when somebody last looked and agreed.

A line for each file, `FILE PASSED FAILED`; below it, indented, the names of the tests that fail. The one
rule: a table is compared with what happened as a whole, so neither a loss nor a gain goes unseen.
"""

import dataclasses
import pathlib


@dataclasses.dataclass
class Result:
    """What became of one file of tests."""

    passed: int
    failures: list

    def line(self, file):
        return f"{file:<40} {self.passed:>5} {len(self.failures):>4}"


class Table:
    """What is written down about all files."""

    def __init__(self, name, title):
        self.path = pathlib.Path(__file__).parent / name
        self.title = title
        self.results = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            if line.startswith("    "):
                result.failures.append(line.strip())
            elif line and not line.startswith("#"):
                file, passed, _ = line.split()
                result = self.results[file] = Result(int(passed), [])

    def failures(self, file):
        return self.results[file].failures if file in self.results else []

    def has_lost(self, file, now):
        """Whether something fails that is known to pass."""
        before = self.results.get(file, Result(0, []))
        return now.passed < before.passed or any(name not in before.failures for name in now.failures)

    def changes(self, results):
        """One line for each difference, losses first."""
        losses, gains = [], []
        for file, now in results.items():
            before = self.results.get(file, Result(0, []))
            losses += [f"LOST: {file}: {name}" for name in now.failures if name not in before.failures]
            gains += [f"won: {file}: {name}" for name in before.failures if name not in now.failures]
            if now.passed != before.passed:
                where = losses if now.passed < before.passed else gains
                where.append(f"{file}: {now.passed} pass, the table has {before.passed}")
        return losses + gains

    def record(self, results, whole):
        """Write down what happened; if not all files were run, what is known of the others stays."""
        self.results = results if whole else {**self.results, **results}
        passed = sum(result.passed for result in self.results.values())
        failed = sum(len(result.failures) for result in self.results.values())
        lines = [f"# {self.title}: {passed} passed, {failed} failed.", "# file, passed, failed; then what fails."]
        for file, result in self.results.items():
            lines.append(result.line(file))
            lines += [f"    {name}" for name in sorted(result.failures)]
        self.path.write_text("\n".join(lines) + "\n")
