"""Ports and processes of the local stack, and the record of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.storage.root import Root
from stack.local.errors import StackError
from stack.local.paths import Paths
from stack.local.processes.ports import (
    GATEWAY_PORT,
    HOST,
    SERVING_PORT,
    is_free,
    read_free_ports,
    read_port,
    require_free_port,
)
from stack.local.processes.process import Process, start, stop
from stack.local.processes.process_record import ProcessRecord

FAMILY = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_a_free_one(taken: int) -> None:
    with pytest.raises(StackError, match=rf"Port {taken} .*model server.*in use.*SERVING_PORT=\d+"):
        require_free_port(taken, "SERVING_PORT", "the model server")


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8501x", "²"])
def test_what_is_not_a_port_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_PORT", text)
    with pytest.raises(StackError, match="is not a port"):
        read_port(SERVING_PORT)


def test_an_empty_port_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_PORT", "")
    assert read_port(SERVING_PORT) == 8501


def test_two_variables_with_one_port_are_named(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_PORT", str(taken))
    monkeypatch.setenv("GATEWAY_PORT", str(taken))
    with pytest.raises(StackError, match=f"SERVING_PORT and GATEWAY_PORT are both {taken}"):
        read_free_ports({SERVING_PORT: "the model server", GATEWAY_PORT: "the gateway"})


def test_each_of_several_ports_has_to_be_free(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as server:
        free = server.getsockname()[1]
    monkeypatch.setenv("SERVING_PORT", str(free))
    monkeypatch.setenv("GATEWAY_PORT", str(taken))
    with pytest.raises(StackError, match=rf"Port {taken} .*the gateway.*in use.*GATEWAY_PORT=\d+"):
        read_free_ports({SERVING_PORT: "the model server", GATEWAY_PORT: "the gateway"})


def test_a_port_with_a_server_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_recycled_number_is_not_the_process_that_was_recorded() -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        now = Process.of("stranger", stranger.pid)
        recorded = Process("model-server", stranger.pid, now.started - 1)
        assert now.is_alive()
        assert not recorded.is_alive()
        assert stop([recorded], seconds=1) == []
        assert now.is_alive()
    finally:
        stranger.kill()
        stranger.wait()
    assert not now.is_alive()


def test_stop_ends_descendants_that_ignore_sigterm_in_sessions_of_their_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process, child = start(
        "family", [sys.executable, "-c", FAMILY], environment=os.environ, directory=tmp_path, log=log
    )
    deadline = time.monotonic() + 20
    while "ready" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    grandchild = Process.of("grandchild", int(log.read_text().split()[0]))
    assert grandchild.is_alive()
    killed = stop([process], seconds=1)
    assert {member.pid for member in killed} == {process.pid, grandchild.pid}
    assert not process.is_alive()
    assert not grandchild.is_alive()
    child.wait()


def test_the_record_of_the_stack_survives_writing_and_reading(tmp_path: Path) -> None:
    here = Process.of("here", os.getpid())
    record = ProcessRecord((here, Process("gone", 2**22, 5)), 8080, 8501, 8600)
    record.write(tmp_path / "up.json")
    assert ProcessRecord.read(tmp_path / "up.json") == record
    assert record.alive() == [here]
    assert ProcessRecord.read(tmp_path / "other.json") is None


def test_the_record_of_a_stack_without_a_gateway_can_still_be_read(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text('{"processes": [], "ui_port": 8080, "serving_port": 8501}')
    record = ProcessRecord.read(tmp_path / "up.json")
    assert record is not None
    assert record.ports == (8080, 8501)


def test_a_root_that_airflow_would_look_for_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"Airflow takes \$ in a path"):
        Paths(Root(tmp_path / "a$HOME")).prepare()
    assert not (tmp_path / "a$HOME").exists()
