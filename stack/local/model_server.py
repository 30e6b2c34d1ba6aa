"""The model server as a process of the local stack."""

from __future__ import annotations

import os
import subprocess

from ml.storage.root import PROJECT
from stack.local.paths import Places
from stack.local.processes.process import Process, start


def start_model_server(
    places: Places, model: str, port: int, *, dies_with_us: bool
) -> tuple[Process, subprocess.Popen[bytes]]:
    """Start it on the versioned directory, which may still be empty. It sees no Airflow variables and no secrets."""
    python = os.environ.get("ML_PYTHON") or PROJECT / ".venv-ml" / "bin" / "python"
    base = places.root.models / model
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
        log=places.logs / "model-server.log",
        dies_with_us=dies_with_us,
    )
