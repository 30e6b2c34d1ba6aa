"""Starting the model server, and the gateway before it, as processes of the local stack."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from ml.config.settings import resolve
from ml.storage.root import PROJECT
from stack.local.paths import Paths
from stack.local.processes.ports import local_url
from stack.local.processes.process import Process, start
from stack.local.processes.yes_or_no import is_yes

_SECRET = ("AIRFLOW", "KAGGLE")
"""How the names of variables begin that are not for servers."""


def start_model_server(
    paths: Paths, model: str, port: int, *, dies_with_parent: bool
) -> tuple[Process, subprocess.Popen[bytes]]:
    """Start the model server on the directory of versions, which may still be empty.

    It gets no variables of Airflow and no credentials of Kaggle.

    Args:
        paths: The paths of the stack.
        model: The name of the model.
        port: The TCP port on loopback.
        dies_with_parent: Whether the kernel ends it when this process dies.

    Returns:
        The process, and the handle by which its exit code can be read.
    """
    base = paths.root.models / model
    base.mkdir(parents=True, exist_ok=True)
    return start(
        "model-server",
        [
            *(_python(), "-m", "serving.model_server", f"--rest_api_port={port}"),
            *(f"--model_name={model}", f"--model_base_path={base}"),
        ],
        environment=_environment(),
        directory=PROJECT,
        log=paths.logs / "model-server.log",
        dies_with=signal.SIGKILL if dies_with_parent else None,
    )


def start_gateway(
    paths: Paths, model: str, port: int, *, serving_port: int, dies_with_parent: bool
) -> tuple[Process, subprocess.Popen[bytes]]:
    """Start the gateway, without tokens, before the model server on another port, which may still be starting.

    It finds the releases in the root of the stack, and gets as little of the environment as the model server. With the
    variable RECORD it records requests with their answers in the root, and with OUTCOMES it takes outcomes.

    Args:
        paths: The paths of the stack.
        model: The name of the model.
        port: The TCP port on loopback.
        serving_port: The port of the model server.
        dies_with_parent: Whether the kernel asks it to end when this process dies; it then removes its files.

    Returns:
        The process, and the handle by which its exit code can be read.

    Raises:
        StackError: RECORD or OUTCOMES says neither yes nor no.
    """
    return start(
        "gateway",
        [
            *(_python(), "-m", "serving.gateway", f"--port={port}"),
            *(f"--upstream={local_url(serving_port)}", f"--model={model}"),
            *_written_down(paths),
        ],
        environment=_environment() | {"RETRAIN_ROOT": str(paths.root.path)},
        directory=PROJECT,
        log=paths.logs / "gateway.log",
        dies_with=signal.SIGTERM if dies_with_parent else None,
    )


def _written_down(paths: Paths) -> list[str]:
    where = resolve().feedback
    directories = {"record": where.record, "outcomes": where.outcomes}
    return [f"--{name}={paths.root.path / place}" for name, place in directories.items() if is_yes(name.upper())]


def _python() -> str | Path:
    return os.environ.get("ML_PYTHON") or PROJECT / ".venv-ml" / "bin" / "python"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}
