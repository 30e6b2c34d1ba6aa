"""All tests, in parts of which two run at a time; one readable output after the other, and one summary.

The first part's output is shown as it comes; that of the others is kept in files, and shown when its turn comes.
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
PARTS = {
    "airflow": (
        ".venv",
        (
            "tests/repository",
            "tests/dags",
            "tests/plugins",
            "tests/stack/local",
            "tests/stack/compose",
            "tests/stack/prism",
            "tests/stack/flink",
        ),
    ),
    "ml": (".venv-ml", ("tests/ml",)),
    "browser": (".venv", ("tests/browser",)),
    "serving": (".venv-ml", ("tests/serving", "tests/prometheus")),
}
"""The environment and the directories of each, in the order in which they start and are shown."""
AT_A_TIME = 2
"""Fixed, and not the number of processors: the limits of time in the tests hold beside one other part."""


@dataclass
class Part:
    """One pytest process and where it writes; it runs once it was started."""

    name: str
    output: Path
    report: Path
    process: subprocess.Popen[bytes] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        environment, directories = PARTS[self.name]
        present = [directory for directory in directories if (PROJECT / directory).is_dir()]
        options = ["-rs", f"--junitxml={self.report}", *present, *sys.argv[1:]]
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [f"{environment}/bin/python", "-m", "pytest", *options],
                cwd=PROJECT,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "FORCE_COLOR": "1" if sys.stdout.isatty() else ""},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def copy_output(self, shown: int) -> int:
        """Copy to ours what came after so many bytes, and return how many there are now."""
        with self.output.open("rb") as file:
            file.seek(shown)
            sys.stdout.buffer.write(chunk := file.read())
            sys.stdout.flush()
        return shown + len(chunk)

    def count(self) -> None:
        """Read the report; a process that ended badly without a failed test counts as one failure."""
        counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
        if self.report.exists():
            for suite in ET.parse(self.report).getroot().iter("testsuite"):
                counts = {name: int(suite.get(name, 0)) for name in counts}
                self.seconds = float(suite.get("time", 0))
        failed = counts["failures"] + counts["errors"]
        if self.process is not None and self.process.returncode and not failed:
            failed = 1
            counts["tests"] += 1
        passed = counts["tests"] - failed - counts["skipped"]
        self.counts = {"passed": passed, "failed": failed, "skipped": counts["skipped"]}


def run(parts: list[Part]) -> None:
    """Run all parts, `AT_A_TIME`, and show and count them one after the other."""
    for part in parts:
        print(f"== {part.name}", flush=True)
        shown, runs = 0, True
        while runs:
            _start_next(parts)
            runs = part.runs
            shown = part.copy_output(shown)  # after that question, so that the last words are shown too
            time.sleep(0.1 if runs else 0)
        part.count()


def _start_next(parts: list[Part]) -> None:
    """Start parts until so many run as may; the first that was not started is always the next one."""
    for part in parts:
        if part.process is None and sum(other.runs for other in parts) < AT_A_TIME:
            part.start()


def main() -> int:
    """0 when no test failed."""
    # A shell starts its background jobs deaf to Ctrl-C; the tests that press it would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as scratch:
        parts = [Part(name, Path(scratch) / f"{name}.txt", Path(scratch) / f"{name}.xml") for name in PARTS]
        try:
            run(parts)
        finally:
            for part in parts:
                if part.process is not None and part.runs:
                    os.killpg(part.process.pid, signal.SIGTERM)
    print("\n== summary")
    for part in parts:
        print(f"{part.name:<8} {_sentence(part.counts)} in {part.seconds:.0f} s")
    total = {name: sum(part.counts[name] for part in parts) for name in parts[0].counts}
    print(_sentence(total))
    return 1 if total["failed"] else 0


def _sentence(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


if __name__ == "__main__":
    sys.exit(main())
