"""`make serve`: the model server alone, in the foreground, on loopback."""

from __future__ import annotations

import os
import sys

from ml.config.settings import resolve
from ml.storage.root import PROJECT, Root
from stack.local.errors import run_command
from stack.local.processes.ports import SERVING_PORT, read_port, require_free_port


def main() -> int:
    """Become the model server; it never returns unless the port is taken or is not one."""
    port = read_port(SERVING_PORT)
    require_free_port(port, SERVING_PORT.variable, "the model server")
    model = os.environ.get("MODEL") or resolve().serving.model
    base = Root.find().models / model
    base.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "serving.model_server", f"--rest_api_port={port}"]
    command += [f"--model_name={model}", f"--model_base_path={base}"]
    os.chdir(PROJECT)
    os.execv(sys.executable, command)  # noqa: S606 - the interpreter that runs this


if __name__ == "__main__":
    sys.exit(run_command(main))
