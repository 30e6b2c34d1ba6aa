"""The guard of the Railway image, built as its Dockerfile does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving.tensorflow_serving.image import SERVING

SOURCE = SERVING / "railway" / "depth_guard"


def go(*arguments: str, **variables: str) -> str:
    """Runs the Go toolchain in the directory of the guard, without asking the network for anything."""
    offline = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod"}
    command = ["go", *arguments]
    done = subprocess.run(
        command, cwd=SOURCE, env=os.environ | offline | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    if shutil.which("go") is None and "CI" not in os.environ:
        pytest.skip("no Go: apt-get install golang-go")
    program = tmp_path_factory.mktemp("guard") / "depth_guard"
    go("build", "-trimpath", "-o", str(program), ".", CGO_ENABLED="0")
    return program
