"""However a task is ended, no process of its step outlives it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowTaskTimeout,
)
from airflow.sdk.execution_time.timeout import timeout

from tests.plugins.step_task import ends_killed


def stubborn_family(marker: Path) -> list[int]:
    deadline = time.monotonic() + 20
    while not (marker.exists() and marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [int(pid) for pid in marker.read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_on_kill_ends_a_stubborn_family_within_airflows_five_seconds(task: Any, root: Path) -> None:
    stubborn = task("train", stubborn=str(root / "pids"), sleep=600)
    thread = threading.Thread(target=ends_killed, args=[stubborn])
    thread.start()
    family = stubborn_family(root / "pids")
    assert all(runs(pid) for pid in family)
    began = time.monotonic()
    stubborn.operator.on_kill()
    assert time.monotonic() - began < 4.5
    assert not any(runs(pid) for pid in family)
    thread.join(5)
    assert not thread.is_alive()


def test_a_time_out_ends_a_stubborn_family(task: Any, root: Path) -> None:
    stubborn = task("train", stubborn=str(root / "pids"), sleep=600)
    with pytest.raises(AirflowTaskTimeout), timeout(3):  # type: ignore[no-untyped-call]
        stubborn.run()
    assert not any(runs(pid) for pid in stubborn_family(root / "pids"))


def test_ctrl_c_ends_a_stubborn_family(task: Any, root: Path) -> None:
    stubborn = task("train", stubborn=str(root / "pids"), sleep=600)

    def interrupt() -> None:
        stubborn_family(root / "pids")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        stubborn.run()
    assert not any(runs(pid) for pid in stubborn_family(root / "pids"))
