"""The entry script of the Railway image, in a directory of its own instead of the image."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving.tensorflow_serving.image import IMAGE, SERVING

ENTRY_SCRIPT = SERVING / "railway" / "entrypoint.sh"
with_nginx = pytest.mark.skipif(
    shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None and "CI" not in os.environ,
    reason="no nginx: apt-get install nginx-core",
)


def environment_for(directory: Path, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PORT", "SERVING_TOKEN")}
    return kept | {
        "PATH": f"{directory / 'bin'}:{IMAGE}:{os.environ['PATH']}:/usr/sbin",
        "SERVING_CONFIG": str(directory / "etc"),
        "TMPDIR": str(directory),
        "PYTHONWARNINGS": "",
        **variables,
    }


def write_program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def run(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    if not (directory / "bin/depth_guard").exists():
        write_program(directory / "bin/depth_guard", "exec sleep 60")
    return subprocess.run(
        [ENTRY_SCRIPT],
        env=environment_for(directory, **variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
