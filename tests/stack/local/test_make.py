"""What `make` itself says: its variables, a port that is taken, and environments that are in use."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from stack.local import require_down
from stack.local.errors import StackError

LISTED = (
    *("DATA", "FORCE", "RETRAIN_ROOT", "SERVING_PORT", "GATEWAY_PORT", "RECORD", "OUTCOMES", "UI_PORT"),
    *("MODEL", "PYTHON", "TO", "FROM", "PROFILES"),
)


def test_make_lists_commands_and_variables() -> None:
    said = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert "  make demo " in said
    assert [variable for variable in LISTED if not re.search(rf"^  {variable}=", said, re.MULTILINE)] == []


def test_serve_on_a_taken_port_names_the_variable(tmp_path: Path) -> None:
    environment = os.environ | {"RETRAIN_ROOT": str(tmp_path), "PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "stack.local.serve"],
            cwd=PROJECT,
            env=environment | {"SERVING_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert re.match(rf"error: Port {port} .*in use.*SERVING_PORT=\d+", done.stderr)
    assert not list(tmp_path.iterdir())


def test_environments_in_use_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    monkeypatch.setattr(require_down, "ENVIRONMENTS", (tmp_path / ".venv",))
    assert require_down.main() == 0
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.symlink_to(sys.executable)
    child = subprocess.Popen([python, "-c", "import time; time.sleep(600)"])
    try:
        while not Path(f"/proc/{child.pid}/cmdline").read_bytes():  # empty for a moment while exec replaces the process
            time.sleep(0.01)
        with pytest.raises(StackError, match=f"Process {child.pid} runs from an environment: "):
            require_down.main()
    finally:
        child.kill()
        child.wait()
