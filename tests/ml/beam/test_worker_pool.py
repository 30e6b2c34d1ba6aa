"""The pool starts workers that compute as the steps do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ml.beam import worker_pool

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own


@pytest.mark.parametrize(("given", "expected"), [(None, "0"), ("1", "1")])
def test_a_worker_adds_up_as_the_steps_do_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str
) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if given is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    monkeypatch.setattr(
        worker_pool,
        "WORKER",
        "import os, pathlib, sys; pathlib.Path(sys.argv[2]).write_text(os.environ['TF_ENABLE_ONEDNN_OPTS'])",
    )
    pool, told = worker_pool.WorkerPool(), tmp_path / "told"
    request = SimpleNamespace(control_endpoint=SimpleNamespace(url="localhost:1"), worker_id=str(told))
    assert not pool.StartWorker(request, None).error
    pool._workers[str(told)].wait(30)
    assert told.read_text() == expected
