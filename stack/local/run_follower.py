"""Following a run by the result files of its steps: one line for each as it appears."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from ml.pipeline.outcome import FAILED, SKIPPED
from ml.pipeline.run_record import result_path
from ml.pipeline.step_names import STEPS
from ml.storage.root import Root
from ml.storage.run_order import recency

POLL_SECONDS = 0.2
OF_AIRFLOW = "manual__"
"""How Airflow's run ids begin. Those of `python -m ml retrain`, which may run at the same time, begin otherwise."""
_CLEAR_LINE = "\r\x1b[K"


@dataclass
class RunFollower:
    """Prints a line for each new result; on a terminal also the step that runs, on a line that is overwritten.

    Attributes:
        root: The root directory.
        run_id: The run; None for the next one that Airflow begins.
        out: Where lines go.
        results: The results so far by step, in the order in which they appeared.
    """

    root: Root
    run_id: str | None = None
    out: TextIO = field(default_factory=lambda: sys.stdout)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    _before: set[str] = field(default_factory=set)
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Remember the runs that exist, so that a new one is recognized."""
        self._before = set(self._run_ids())

    def poll(self) -> None:
        """Print what is new since the last poll."""
        if self.run_id is None:
            new = (run_id for run_id in self._run_ids() if run_id not in self._before)
            self.run_id = next((run_id for run_id in new if run_id.startswith(OF_AIRFLOW)), None)
        if self.run_id is not None:
            for step in STEPS:
                self._read_result(step, result_path(self.root.run(self.run_id), step))
        self._show_running()

    def close(self) -> None:
        """Remove the line of the step that runs."""
        if self.out.isatty():
            self.out.write(_CLEAR_LINE)
            self.out.flush()

    def failed(self) -> dict[str, Any] | None:
        """The result of the step that failed last, or None."""
        return next((r for r in reversed(self.results.values()) if r.get("outcome") == FAILED), None)

    def _read_result(self, step: str, file: Path) -> None:
        try:
            stat = file.stat()
            if self._seen.get(step) == (stat.st_ino, stat.st_mtime_ns):
                return
            result = json.loads(file.read_bytes())
        except (OSError, ValueError):  # not there yet
            return
        self._seen[step] = (stat.st_ino, stat.st_mtime_ns)
        self.results.pop(step, None)
        self.results[step] = result
        self._since = time.monotonic()
        self.close()
        print(result_line(result), file=self.out, flush=True)

    def _show_running(self) -> None:
        if self.out.isatty():
            done = [step for step in STEPS if self.results.get(step, {}).get("outcome") not in (None, FAILED)]
            nothing_more = SKIPPED in [result.get("outcome") for result in self.results.values()]
            step = next((step for step in STEPS if step not in done), None)
            if step and not nothing_more:
                waiting = step if self.run_id else "Airflow is starting"
                seconds = time.monotonic() - self._since
                self.out.write(f"{_CLEAR_LINE}  {waiting} ... {seconds:.0f} s")
                self.out.flush()

    def _run_ids(self) -> list[str]:
        """Oldest first."""
        runs = self.root.runs
        if not runs.is_dir():
            return []
        return [path.name for path in sorted(runs.iterdir(), key=recency)]


def result_line(result: dict[str, Any]) -> str:
    """One line for a terminal: the step, its outcome, its seconds, and whether a retry may help."""
    because = result.get("skipped_because")
    outcome = f"skipped ({because})" if because else str(result.get("outcome"))
    text = f"  {result.get('step', ''):<10} {outcome:<20} {result.get('seconds') or 0:7.1f} s"
    if result.get("outcome") == FAILED and (result.get("error") or {}).get("retry"):
        text += "   a retry may help"
    return text
