"""Has the report written of a run whose task `report` never came to it: its time was up, or somebody marked it.

Then Airflow runs no more tasks of it, also no teardown. The listener is all that is left; and as the scheduler calls
it, which must not wait, the report is written by a process of its own in the ML environment.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading

from ml.storage.root import PROJECT, Root
from retraining.child.environment import child_environment, ml_python

log = logging.getLogger(__name__)
SECONDS = 600


def write_late_report(run_id: str) -> threading.Thread | None:
    """Begin to write the report of a run that has come to its end, unless there is one that is newer than its results.

    Returns:
        The thread that waits for the process; None if there is nothing to do, or this process may not write there: the
        API server, for example, which calls the listener when a person marks a run.
    """
    root = Root.to_read()
    if _is_written(root, run_id) or not os.access(root.path, os.W_OK):
        return None
    thread = threading.Thread(target=_write, args=(run_id,), name="late report", daemon=True)
    thread.start()
    return thread


def _is_written(root: Root, run_id: str) -> bool:
    report = root.report(run_id)
    if not report.exists():
        return False
    results = (root.run(run_id) / "results").glob("*.json")
    return all(result.stat().st_mtime_ns <= report.stat().st_mtime_ns for result in results)


def _write(run_id: str) -> None:
    command = [ml_python(), "-m", "ml", "report", run_id]
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=child_environment(os.environ, who="airflow (listener)"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("run %s: no report: %s", run_id, error)
        return
    if done.returncode:
        log.warning("run %s: no report (exit code %d): %s", run_id, done.returncode, done.stderr[-500:].strip())
