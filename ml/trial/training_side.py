"""The customers of the training side: of the last run whose data were accepted, or of data that somebody names."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ml.artifacts import Accepted
from ml.config.settings import Settings, TargetSettings, TransformSettings
from ml.config.typed_tree import build
from ml.data.outcomes.content import data_sha256
from ml.errors import FinalError, RetrainError
from ml.pipeline.run import FROZEN, frozen_schema
from ml.pipeline.run_record import runs
from ml.registry.schemas.in_force import schema_in_force
from ml.storage import files
from ml.storage.artifact import read_record
from ml.storage.root import Root
from ml.training.transform import TrainingSide, training_side

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Customers:
    """The training side, what a person calls the data, and the target that the labels mean."""

    side: TrainingSide
    name: str
    target: TargetSettings


def of_last_run(root: Root) -> Customers:
    """Return the training side of the newest run whose data were accepted, split and labelled as that run did.

    Nothing is written, and of a customer on the evaluation side only what decides that it is there is looked at.

    Raises:
        FinalError: There is no such run.
    """
    for record in runs(root):
        try:
            accepted = _accepted(record.directory, root)
            frozen = files.read_json(record.directory / FROZEN)
            transform = build(TransformSettings, frozen["transform"], "transform")
            target = build(TargetSettings, frozen["target"], "target")
            schema = frozen_schema(record.directory)
        except (RetrainError, OSError, KeyError, TypeError) as error:
            log.debug("run %s cannot be used: %s", record.directory.name, error)
            continue
        side = training_side(accepted, schema=schema, settings=transform, target=target)
        return Customers(side, f"{accepted.name or accepted.csv.name}, run {record.directory.name}", target)
    raise FinalError(
        f"{root.path}: no run whose data were accepted.",
        "Name the data: --data PATH (or sample, kaggle). Or retrain first: python -m ml retrain.",
    )


def of_source(root: Root, settings: Settings) -> Customers:
    """Return the training side of `data.source`, obtained and validated in a temporary directory that is then removed.

    Raises:
        RetrainError: As `ingest`, `validate` and `transform` raise it.
    """
    from ml.data.ingest import ingest
    from ml.validation.validate import validate

    schema = schema_in_force(root).schema
    with tempfile.TemporaryDirectory(prefix="ml-try-") as folder:
        obtained, checked = Path(folder) / "ingest", Path(folder) / "validate"
        obtained.mkdir()
        checked.mkdir()
        dataset = ingest(settings.data, root=root, out=obtained, beam=settings.beam)
        accepted = validate(
            dataset,
            schema=schema,
            settings=settings.validate,
            target=settings.target,
            champion_statistics=None,
            out=checked,
        )
        side = training_side(accepted, schema=schema, settings=settings.transform, target=settings.target)
    return Customers(side, dataset.name, settings.target)


def _accepted(run: Path, root: Root) -> Accepted:
    """Return the data that a run accepted.

    Raises:
        FinalError: It has accepted none, or they were changed since.
    """
    directory = run / "validate"
    if read_record(directory).get("kind") != Accepted.__name__:
        raise FinalError(f"{directory}: not the record of accepted data.", "Repeat the run.")
    accepted = Accepted.read(directory, root=root.path)
    if data_sha256(accepted.csv) != accepted.sha256:
        raise FinalError(f"{accepted.csv}: was changed since it was accepted.", "Repeat the run.")
    return replace(accepted, path=directory)
