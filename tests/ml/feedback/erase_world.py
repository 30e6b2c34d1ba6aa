"""A root in which outcomes joined a run and the data of a version that is kept, and half-made things of killed ones."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from ml.artifacts import Dataset
from ml.config.settings import Settings, resolve
from ml.data.sample import write_csv
from ml.feedback.training.erase import Erased, Whom, erase
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.kept_data import keep_data
from ml.storage.root import Root
from tests.ml.feedback.gateway_files import outcome, record, recorded, tell

WHO = "c-secret-7"
ROW = ("list", 7)
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def settings_of(root: Root) -> Settings:
    source = f"data.source={str(root.path / 'customers.csv')!r}"
    return resolve(overrides=[source, "feedback.join_training=true", "promote.lock_wait_seconds=1.0"], environment={})


def joined_root(path: Path) -> tuple[Root, Dataset]:
    """One run with ten outcomes, one of them of `WHO`; its data are kept, too. The gateway has erased her already."""
    root = Root(path)
    path.mkdir(exist_ok=True)
    write_csv(path / "customers.csv", rows=1200, seed=3)
    record(root, *(recorded(n, customer=WHO if n == ROW[1] else None) for n in range(1, 11)))
    tell(root, *(outcome(n, "D" if n % 2 else "rest") for n in range(1, 11)))
    run = Run(root, "joined", settings_of(root))
    run_step("ingest", run)
    dataset = run.artifact("ingest", Dataset)
    keep_data(dataset.csv, dataset.sha256, root=root)
    shutil.copytree(root.data / dataset.sha256, root.staging / f"{dataset.sha256}.data")
    transformed = run.step_directory("transform")
    transformed.mkdir()
    (transformed / "train.parquet").write_text(f"rows of {WHO}")
    for name in (".ingest.making", ".train.making", ".transform.making"):
        (run.directory / name).mkdir()
    (run.directory / ".ingest.making" / "outcomes.csv").write_text(WHO)
    (run.directory / ".train.making" / "packed").write_text(WHO)
    (run.directory / ".transform.making" / "train.parquet").write_text(WHO)
    (run.step_directory("ingest") / ".outcomes.csv.1234.tmp").write_text(WHO)
    shutil.rmtree(path / "record")
    shutil.rmtree(path / "outcomes")
    return root, dataset


def erased(root: Root, whom: Whom | None = None) -> Erased:
    return erase(root, settings_of(root), whom or Whom(WHO), now=NOW)


def state(root: Root) -> dict[str, bytes]:
    """All files, but for locks."""
    files = (path for path in root.path.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {
        path.relative_to(root.path).as_posix(): path.read_bytes()
        for path in files
        if path.name not in (".lock", "promotion.lock")
    }


def places_of(root: Root, text: str) -> list[str]:
    """Which files have a text."""
    return [name for name, content in state(root).items() if text.encode() in content]
