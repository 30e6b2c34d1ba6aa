"""`make serve`: the model server in the foreground, and the gateway before it, on loopback."""

from __future__ import annotations

import os
import sys

from ml.config.settings import resolve
from ml.storage.root import PROJECT, Root
from stack.local.errors import run_command
from stack.local.paths import Paths
from stack.local.processes.ports import GATEWAY_PORT, SERVING_PORT, local_url, read_free_ports
from stack.local.servers import start_gateway


def main() -> int:
    """Start the gateway and become the model server, with which it ends; return only if a port cannot be used."""
    port, gateway = read_free_ports({SERVING_PORT: "the model server", GATEWAY_PORT: "the gateway"})
    model = os.environ.get("MODEL") or resolve().serving.model
    paths = Paths(Root.find())
    base = paths.root.models / model
    for directory in (base, paths.logs):
        directory.mkdir(parents=True, exist_ok=True)
    start_gateway(paths, model, gateway, serving_port=port, dies_with_parent=True)
    print(f"Gateway (without tokens): {local_url(gateway)}. Its log: {paths.logs / 'gateway.log'}", flush=True)
    command = [sys.executable, "-m", "serving.model_server", f"--rest_api_port={port}"]
    command += [f"--model_name={model}", f"--model_base_path={base}"]
    os.chdir(PROJECT)
    os.execv(sys.executable, command)  # noqa: S606 - the interpreter that runs this


if __name__ == "__main__":
    sys.exit(run_command(main))
