"""`make serve` with the real model server and the real gateway."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from serving.client.transport import TransportError, request
from tests.stack.local.stack import Stack

pytestmark = pytest.mark.slow


def _eventually(is_true: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_the_gateway_answers_before_the_server_and_ends_with_it_even_if_that_is_killed(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    variables = {name: value for name, value in stack.environment.items() if name != "ML_PYTHON"}
    spool = tmp_path / "tmp"
    spool.mkdir()
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [PROJECT / ".venv-ml" / "bin" / "python", "-m", "stack.local.serve"],
            cwd=PROJECT,
            env=variables | {"TMPDIR": str(spool), "RECORD": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{stack.gateway}/v1/models/customer-model"

    def passes() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            answer = request("GET", url)
        except TransportError:
            return False
        # The model has no version, which only the server can know.
        return answer.status in (200, 404)

    try:
        _eventually(passes, log)
        assert f"Gateway (without tokens): http://127.0.0.1:{stack.gateway}. " in log.read_text()
        [mine] = spool.glob(f"gateway-{os.getuid()}")
        assert [*mine.glob("gateway-*")]
        assert (tmp_path / "record").stat().st_mode & 0o777 == 0o700
        assert not (tmp_path / "outcomes").exists(), "nobody asked for it"
    finally:
        server.kill()
        server.wait()
    _eventually(lambda: stack.still_running() == [], log)
    assert [*mine.glob("gateway-*")] == [], "it was asked to end, and removed its files"
