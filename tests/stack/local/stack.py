"""Commands of the local stack as a user runs them, on free ports and in a directory of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ml.storage.root import PROJECT
from tests.airflow_home import fake_ml


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Stack:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.ui, self.serving, self.gateway = free_port(), free_port(), free_port()
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "KAGGLE", "RETRAIN"))}
        self.environment = kept | {
            "RETRAIN_ROOT": str(root),
            "ML_PYTHON": str(fake_ml(root)),
            "UI_PORT": str(self.ui),
            "SERVING_PORT": str(self.serving),
            "GATEWAY_PORT": str(self.gateway),
            "PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}",
            "HOME": str(root),  # without anybody's Kaggle credentials
        }

    def plan(self, **steps: Any) -> None:
        """What the stand-in for the ML environment shall do from now on."""
        (self.root / "fake.json").write_text(json.dumps(steps))

    def start(self, command: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", f"stack.local.{command}"],
            cwd=PROJECT,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # though these tests run in the background
        )

    def run(self, command: str, **variables: str) -> tuple[int, str]:
        process = self.start(command, **variables)
        text, _ = process.communicate(timeout=280)
        return process.returncode, text

    def still_running(self) -> list[str]:
        """Command lines of processes that know this directory."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    variables = (entry / "environ").read_bytes()
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if f"RETRAIN_ROOT={self.root}".encode() in variables.split(b"\0") and command:
                    found.append(command.replace(b"\0", b" ").decode())
        return found


def wait_for(file: Path, seconds: float = 120) -> str:
    deadline = time.monotonic() + seconds
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, f"{file} did not appear"
        time.sleep(0.1)
    return file.read_text()
