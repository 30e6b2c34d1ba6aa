"""All tests in both environments at the same time; one readable output after the other, and one summary.

The first environment's output is shown as it comes, the second's is kept in a file and shown when its turn comes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {
    "airflow": (
        ".venv",
        ("tests/repository", "tests/dags", "tests/plugins", "tests/stack/local", "tests/stack/compose"),
    ),
    "ml": (".venv-ml", ("tests/ml", "tests/serving", "tests/prometheus")),
}


@dataclass
class Suite:
    """One pytest process and where it writes."""

    name: str
    output: Path
    report: Path
    process: subprocess.Popen[bytes]
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def start(cls, name: str, scratch: Path) -> Suite:
        environment, directories = ENVIRONMENTS[name]
        output, report = scratch / f"{name}.txt", scratch / f"{name}.xml"
        present = [directory for directory in directories if (PROJECT / directory).is_dir()]
        with output.open("wb") as file:
            process = subprocess.Popen(
                [f"{environment}/bin/python", "-m", "pytest", f"--junitxml={report}", *present, *sys.argv[1:]],
                cwd=PROJECT,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "FORCE_COLOR": "1" if sys.stdout.isatty() else ""},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, output, report, process)

    def show(self) -> None:
        """Copy the output to ours until the process has ended and all of it is shown."""
        print(f"== {self.name}", flush=True)
        with self.output.open("rb") as file:
            while True:
                ended = self.process.poll() is not None
                chunk = file.read()
                sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
                if ended and not chunk:
                    return
                time.sleep(0.1)

    def count(self) -> None:
        """Read the report; a process that ended badly without a failed test counts as one failure."""
        counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
        if self.report.exists():
            for suite in ET.parse(self.report).getroot().iter("testsuite"):
                counts = {name: int(suite.get(name, 0)) for name in counts}
                self.seconds = float(suite.get("time", 0))
        failed = counts["failures"] + counts["errors"]
        if self.process.returncode and not failed:
            failed = 1
            counts["tests"] += 1
        passed = counts["tests"] - failed - counts["skipped"]
        self.counts = {"passed": passed, "failed": failed, "skipped": counts["skipped"]}


def main() -> int:
    """0 when every test of both environments passed."""
    # A shell starts its background jobs deaf to Ctrl-C; the tests that press it would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as scratch:
        suites = [Suite.start(name, Path(scratch)) for name in ENVIRONMENTS]
        try:
            for suite in suites:
                suite.show()
                suite.count()
        finally:
            for suite in suites:
                if suite.process.poll() is None:
                    os.killpg(suite.process.pid, signal.SIGTERM)
    print("\n== summary")
    for suite in suites:
        print(f"{suite.name:<8} {_sentence(suite.counts)} in {suite.seconds:.0f} s")
    total = {name: sum(suite.counts[name] for suite in suites) for name in suites[0].counts}
    print(_sentence(total))
    return 1 if total["failed"] else 0


def _sentence(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


if __name__ == "__main__":
    sys.exit(main())
