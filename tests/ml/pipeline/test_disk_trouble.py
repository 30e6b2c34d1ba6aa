"""A disk that takes no more, or nothing from this user: named with the way out; nothing lost, nothing promoted."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ml.artifacts import Model
from ml.errors import TransientError
from ml.pipeline.run import Run
from ml.pipeline.run_record import RunRecord
from ml.pipeline.steps import run_step
from ml.storage.root import PROJECT, Root
from tests.ml.conftest import settings_for

pytestmark = pytest.mark.usefixtures("libraries")


def test_a_file_size_limit_while_writing_loses_nothing(root: Root, sample_csv: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    command = [sys.executable, "-m", "ml", "retrain", "--root", str(root.path), "--data", str(sample_csv), "--json"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, preexec_fn=limited, timeout=60)
    assert done.returncode == 1, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["outcome"] == "failed"
    assert "File too large" in outcome["reasons"][0]
    assert "limit" in outcome["reasons"][1]
    assert not (root.run(outcome["run_id"]) / "ingest").exists()
    repeated = subprocess.run(
        [sys.executable, "-m", "ml", "ingest", "--run", outcome["run_id"], *command[4:]], cwd=PROJECT, timeout=60
    )
    assert repeated.returncode == 0, "the same run goes on where the limit is gone"


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path, sample_csv: Path) -> None:
    """As another user where the tests run as root, which ignores modes."""
    place = tmp_path / "closed"
    place.mkdir(mode=0o555)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        message = "no error"
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            Root.find(str(place))
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        os.write(writer, message.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said.startswith("FinalError"), said
    assert str(place) in said
    assert "Permission denied" in said
    assert "--root" in said


def test_a_full_disk_is_named_wherever_it_strikes(root: Root, sample_csv: Path) -> None:
    """A limit on the size of a file stands for the disk; it strikes where promotion copies the weights."""
    settings = settings_for(sample_csv)
    run = Run(root, "r", settings)
    for step in ("ingest", "validate", "transform", "train", "evaluate", "judge"):
        run_step(step, run)
    largest = max(path.stat().st_size for path in run.artifact("train", Model).saved_model.rglob("*"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, before[1]))
    try:
        with pytest.raises(TransientError, match="step promote of run r: File too large"):
            run_step("promote", run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = " ".join(RunRecord.read(run.directory).reasons)
    assert "step promote of run r: File too large" in told
    assert "Free disk space" in told, "the result names the cure, too"
    assert not root.ledger.exists()
    assert not (root.models / "customer-model").exists()
    assert run_step("promote", run)["artifact"]["version"] == 1
