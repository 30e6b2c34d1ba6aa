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
from stack.local.data_source import DataChoice, choose_data, conf_of, is_forced
from stack.local.errors import StackError, run_command
from stack.local.processes.ports import HOST, SERVING, is_free, need_free, port_of
from stack.local.processes.process import Process, start, stop
from stack.local.processes.process_record import Running

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


def test_an_occupied_port_is_named_with_the_way_out(taken: int) -> None:
    with pytest.raises(StackError, match=rf"Port {taken} .*model server.*in use.*SERVING_PORT=\d+"):
        need_free(taken, "SERVING_PORT", "the model server")


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8501x", "²"])
def test_a_port_is_a_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_PORT", text)
    with pytest.raises(StackError, match="not a port"):
        port_of(SERVING)


def test_an_empty_port_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_PORT", "")
    assert port_of(SERVING) == 8501


def test_a_port_is_free_again_after_its_server(taken: int) -> None:
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


def test_the_record_of_what_runs_survives_writing_and_reading(tmp_path: Path) -> None:
    here = Process.of("here", os.getpid())
    running = Running((here, Process("gone", 2**22, 5)), 8080, 8501)
    running.write(tmp_path / "up.json")
    assert Running.read(tmp_path / "up.json") == running
    assert running.alive() == [here]
    assert Running.read(tmp_path / "other.json") is None


def test_a_file_comes_first_and_is_copied_into_the_inbox(tmp_path: Path) -> None:
    file = tmp_path / "my customers.csv"
    file.write_text("ID\n1\n")
    choice = choose_data(str(file), Root(tmp_path / "root"))
    assert choice.source == "inbox:my_customers.csv"
    assert (tmp_path / "root" / "inbox" / "my_customers.csv").read_text() == "ID\n1\n"
    assert "as you asked" in choice.why
    again = choose_data(str(tmp_path / "root" / "inbox" / "my_customers.csv"), Root(tmp_path / "root"))
    assert again.source == choice.source


def test_a_missing_file_is_an_error_and_not_a_reason_for_other_data(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"DATA=/tmp: this is a directory"):
        choose_data("/tmp", Root(tmp_path))
    assert choose_data("sample", Root(tmp_path)).source == "sample"
    with pytest.raises(StackError, match=r"DATA=/nowhere\.csv: no such file"):
        choose_data("/nowhere.csv", Root(tmp_path))


def test_credentials_decide_between_kaggle_and_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KAGGLE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    sample = choose_data(None, Root(tmp_path))
    assert sample.source == "sample"
    assert "no Kaggle credentials" in sample.why
    monkeypatch.setenv("KAGGLE_API_TOKEN", "t0ken")
    kaggle = choose_data("", Root(tmp_path))
    assert kaggle.source == "kaggle"
    assert "KAGGLE_API_TOKEN" in kaggle.why
    assert "t0ken" not in kaggle.why


def test_the_conf_of_a_run_says_only_what_was_asked() -> None:
    assert conf_of(None, force=False) == {}
    assert conf_of(DataChoice("inbox:a.csv", "as you asked"), force=True) == {"data": "inbox:a.csv", "force": True}


def test_a_known_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise StackError("Port 8501 is in use.")

    assert run_command(main) == 1
    assert capsys.readouterr().err == "error: Port 8501 is in use.\n"


def test_force_is_said_in_any_way_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, forced in (("", False), ("0", False), ("1", True), ("yes", True), ("TRUE", True)):
        monkeypatch.setenv("FORCE", said)
        assert is_forced() is forced
    monkeypatch.setenv("FORCE", "perhaps")
    with pytest.raises(StackError, match="FORCE=perhaps: say FORCE=1"):
        is_forced()
