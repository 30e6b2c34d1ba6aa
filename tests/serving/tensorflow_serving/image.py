"""What stands in for the inside of an image: the server binary, and the configuration in /etc/serving."""

import socket
import sys
from pathlib import Path

from tests.serving.live import ROOT

SERVING = ROOT / "serving"
IMAGE = SERVING / "tensorflow_serving"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def write_stand_in(directory: Path, name: str = "tensorflow_model_server") -> Path:
    """A program of that name that records its arguments and then is our model server; returns the record."""
    directory.mkdir(exist_ok=True)
    record = directory / f"{name}.json"
    program = directory / name
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"with open({str(record)!r}, 'w') as file: json.dump(sys.argv[1:], file)\n"
        f"os.chdir({str(ROOT)!r})\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'serving.model_server', *sys.argv[1:]])\n"
    )
    program.chmod(0o755)
    return record


def write_config(directory: Path) -> Path:
    """The image's configuration with `directory`/models for /models; returns where it is."""
    config = directory / "etc"
    config.mkdir()
    for name in ("models.config", "monitoring.config", "batching.config"):
        (config / name).write_text((IMAGE / name).read_text().replace("/models/", f"{directory}/models/"))
    return config
