"""The model server as a process of the local stack."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from ml.storage.root import PROJECT
from stack.local.errors import StackError
from stack.local.loopback import ask
from stack.local.paths import Places
from stack.local.processes.ports import HOST
from stack.local.processes.process import Process, start

POLL_SECONDS = 0.2
CUSTOMER = {
    "Gender": "Male",
    "Ever_Married": "No",
    "Age": 22,
    "Graduated": "No",
    "Profession": "Healthcare",
    "Work_Experience": 1,
    "Spending_Score": "Low",
    "Family_Size": 4,
}


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


class Endpoint:
    """The REST interface of one model, as any client would use it."""

    def __init__(self, port: int, model: str) -> None:
        self.root_url = f"http://{HOST}:{port}"
        self.url = f"{self.root_url}/v1/models/{model}"

    def curl(self) -> str:
        """A line to paste that asks for one customer."""
        body = json.dumps({"instances": [CUSTOMER]})
        return f"curl -s {self.url}:predict -H 'Content-Type: application/json' -d '{body}'"

    def predict(self) -> str:
        """The answer to the same request, word for word on one line.

        Raises:
            StackError: There was none.
        """
        try:
            answer = ask(f"{self.url}:predict", body={"instances": [CUSTOMER]}, seconds=30)
        except OSError as error:
            raise StackError(f"{self.url}:predict did not answer: {error}") from error
        return " ".join(answer.text.split())

    def listens(self) -> bool:
        """Whether anybody answers, with whatever."""
        try:
            ask(self.url, seconds=2)
        except OSError:
            return False
        return True

    def available(self) -> list[int]:
        """The versions that answer, highest first."""
        try:
            states = (ask(self.url).json() or {}).get("model_version_status", [])
        except OSError:
            return []
        return sorted((int(state["version"]) for state in states if state.get("state") == "AVAILABLE"), reverse=True)

    def wait_for(self, version: int, *, seconds: float, log: Path) -> None:
        """Wait until this version answers.

        Raises:
            StackError: It did not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while version not in self.available():
            if time.monotonic() > deadline:
                raise StackError(f"{self.url}: version {version} was not available after {seconds:g} s; see {log}")
            time.sleep(POLL_SECONDS)
