"""Starting the model server as a process of the local stack."""

from __future__ import annotations

import os
import subprocess

from ml.storage.root import PROJECT
from stack.local.paths import Paths
from stack.local.processes.process import Process, start


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
    python = os.environ.get("ML_PYTHON") or PROJECT / ".venv-ml" / "bin" / "python"
    base = paths.root.models / model
    base.mkdir(parents=True, exist_ok=True)
    secret = ("AIRFLOW", "KAGGLE")
    return start(
        "model-server",
        [
            *(python, "-m", "serving.model_server", f"--rest_api_port={port}"),
            *(f"--model_name={model}", f"--model_base_path={base}"),
        ],
        environment={name: value for name, value in os.environ.items() if not name.startswith(secret)},
        directory=PROJECT,
        log=paths.logs / "model-server.log",
        dies_with_parent=dies_with_parent,
    )
