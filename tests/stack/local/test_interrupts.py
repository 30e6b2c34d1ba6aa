"""Ctrl-C and SIGTERM at the worst moment."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.storage.root import Root
from stack.local import up
from stack.local.paths import Paths
from stack.local.processes.interrupts import interrupt_once, interrupts_wait
from stack.local.processes.process import Process
from stack.local.processes.process_record import ProcessRecord


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever this test run was started by
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interrupt_counts_and_cleaning_up_is_not_cut_short(number: signal.Signals) -> None:
    interrupt_once()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(again)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt_once()
    with interrupts_wait():
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    reached = []

    def block() -> None:
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end of the block")
        reached.append("what follows")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert reached == ["the end of the block"]


def test_a_child_that_is_started_meanwhile_can_be_interrupted() -> None:
    with interrupts_wait():
        child = subprocess.Popen(["sleep", "600"])
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == -signal.SIGINT


def test_a_component_that_is_being_started_is_recorded_before_the_interrupt_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Process] = []
    children: list[subprocess.Popen[bytes]] = []

    def interrupted(name: str, *_: Any, **__: Any) -> tuple[Process, subprocess.Popen[bytes]]:
        child = subprocess.Popen(["sleep", "600"])
        children.append(child)
        started.append(Process.of(name, child.pid))
        if name == "airflow scheduler":
            signal.raise_signal(signal.SIGINT)
        return started[-1], child

    monkeypatch.setattr(up, "start", interrupted)
    monkeypatch.setattr(up, "start_model_server", lambda *_, **__: interrupted("model-server"))
    monkeypatch.setattr(up, "start_gateway", lambda *_, **__: interrupted("gateway"))
    monkeypatch.setattr(up, "migrate_if_needed", lambda *_: None)
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    paths = Paths(Root.find())
    paths.prepare()
    try:
        with pytest.raises(KeyboardInterrupt):
            up._start(paths, 1, 2, 3)
        record = ProcessRecord.read(paths.process_record)
        assert record is not None
        assert list(record.processes) == started
        assert started[-1].name == "airflow scheduler"
    finally:
        for child in children:
            child.kill()
            child.wait()
