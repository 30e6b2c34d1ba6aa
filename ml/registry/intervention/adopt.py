"""Take a version over that stands in the served directory and not in the ledger."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.config.settings import Settings
from ml.data.features import FEATURES, NUMERIC
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.entries import ADOPTED, LARGEST_VERSION, is_version
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.quarantine import quarantine_of
from ml.storage import files
from ml.storage.root import Root
from serving.client.model_client import ModelServer, Refused, ServingError
from serving.client.model_metadata import signatures_of

log = logging.getLogger(__name__)
Check = Callable[[Path, GoldenRows | None, Settings], tuple[GoldenRows, list[str]]]
IDENTITY = ("source", "data_sha256", "base_sha256", "schema_sha256", "settings_sha256", "code_sha256", "metrics")
"""What a release record says of where a version comes from, and an entry of the ledger repeats."""


def adopt(root: Root, settings: Settings, *, number: int, reason: str, check: Check | None = None) -> Version:
    """Take version `number` into the ledger as a confirmed one, and return it.

    A private model server must load it first, and answer its known rows if there is a release record of these very
    bytes. Without one a record is made that names no target, so that no candidate is compared with the version.

    Args:
        root: Where versions and the ledger are.
        settings: `promote` and `serving` are used.
        number: The name of its directory.
        reason: A sentence for the ledger.
        check: Loads a copy of the version; the default starts a private model server.

    Raises:
        NothingToDoError: The ledger knows it as a confirmed version.
        FinalError: There is no such directory, its number cannot be used, its bytes are quarantined, or it cannot be
            served.
    """
    # After the loss of a ledger its versions are adopted one by one, into one that is not the continuation of the lost.
    with locked_registry(root, settings, who=f"the adoption of version {number}", emergency=True) as registry:
        registry.prepare()
        place = _adoptable(registry, number)
        sha256 = files.sha256_tree(place)
        if why := quarantine_of(registry.ledger.events()).models.get(sha256):
            raise FinalError(
                f"Version {number} has the bytes of a model that is quarantined: {why.rstrip('.')}.",
                f"It is not served again: move {place} away.",
            )
        kept = _release_record(root.release(number), sha256)
        golden_rows = GoldenRows.read(root.release(number) / "replay.json") if kept else None
        staged = registry.stage(f"adopt-{number}", place, sha256=sha256)
        golden_rows, inputs = (check or _loads_privately)(staged, golden_rows, settings)
        if not kept:
            kept = _made_record(registry, number, sha256, golden_rows, inputs, settings)
        registry.ledger.append(
            ADOPTED,
            run_id=f"adopt-{number}",
            version=number,
            model_sha256=sha256,
            record_sha256=files.sha256_tree(root.release(number)),
            reason=reason,
            reasons=[f"Adopted: {reason}"],
            **{key: kept[key] for key in IDENTITY if key in kept},
        )
        registry.sweep()
        return registry.ledger.versions()[number]


def _adoptable(registry: Registry, number: int) -> Path:
    known, place = registry.ledger.versions().get(number), registry.version_directory(number)
    if known is not None and known.accepted:
        raise NothingToDoError(UNCHANGED, f"Version {number} stands in the ledger already.")
    if known is not None:
        raise FinalError(f"The ledger calls version {number} {known.state}.", "Its number is not used again.")
    if not place.is_dir():
        raise FinalError(f"{place}: there is no such directory.", "Name a version that `status` calls unknown.")
    if not is_version(number) or number == LARGEST_VERSION:
        raise FinalError(
            f"Version {number} cannot be adopted: no number that a later version could have is left, or it is below 1.",
            f"Rename {place}: any free number from 1 will do.",
        )
    return place


def _release_record(directory: Path, model_sha256: str) -> dict[str, Any]:
    """Return what the release record says, if it is one of these very bytes; else an empty mapping."""
    try:
        record = files.read_json(directory / "release.json")
        golden_rows = GoldenRows.read(directory / "replay.json")
    except (FinalError, OSError, KeyError, TypeError):
        return {}
    if not isinstance(record, dict) or record.get("model_sha256") != model_sha256 or not golden_rows.instances:
        return {}
    if not {"target", "threshold", "features"} <= record.keys():
        return {}
    return record


def _made_record(
    registry: Registry, number: int, sha256: str, golden_rows: GoldenRows, inputs: list[str], settings: Settings
) -> dict[str, Any]:
    """Put a release record into its place that says what is known of the version, and return what it says."""
    root = registry.root
    made, place = root.staging / f"adopt-{number}.record", root.release(number)
    made.mkdir(parents=True)
    record = {"target": None, "threshold": settings.target.threshold, "features": inputs, "model_sha256": sha256}
    files.write_json(made / "release.json", record | {"metrics": {}, "reasons": []})
    golden_rows.write(made / "replay.json")
    if place.exists():  # a record of other bytes
        away = root.withdrawn / f"{number}.record"
        files.remove_directory(away, root.trash)
        files.move(place, away)
        log.warning("the release record of version %d is of other bytes; it is in %s now", number, away)
    files.publish_directory(made, place)
    return record


def _loads_privately(staged: Path, golden_rows: GoldenRows | None, settings: Settings) -> tuple[GoldenRows, list[str]]:
    """Load a copy on a private server; return known rows with their answers, and the names of its inputs."""
    from serving.server.embedded import embedded_server

    model = settings.serving.model
    try:
        with embedded_server(staged.parent, model=model, deadline=settings.promote.load_deadline_seconds) as url:
            server = ModelServer(url, model)
            server.wait_available(1, deadline=settings.promote.load_deadline_seconds)
            inputs = _inputs(server)
            if golden_rows is None:
                return _answered(server, _made_up_customers(staged.parent, settings.promote.replay_rows)), inputs
            golden_rows.check(
                lambda rows: server.predict(rows, version=1),
                tolerance=settings.promote.tolerance,
                whom="A private server with this version",
            )
            return golden_rows, inputs
    except ServingError as error:
        raise FinalError(
            f"The version cannot be served: {error}", "Move its directory away; nothing was adopted."
        ) from error


def _inputs(server: ModelServer) -> list[str]:
    """Return the names of the inputs of the default signature, in the order of `FEATURES` as far as they are there."""
    names = set(signatures_of(server.metadata(1)).get("serving_default", {}).get("inputs", {}))
    return [*(name for name in FEATURES if name in names), *sorted(names.difference(FEATURES))]


def _answered(server: ModelServer, rows: list[dict[str, Any]]) -> GoldenRows:
    """Return the rows with the server's probabilities; none when it takes other rows or answers something else."""
    try:
        answers = server.predict(rows, version=1)
        return GoldenRows(rows, [float(answer["probability"]) for answer in answers])
    except (Refused, KeyError, TypeError, ValueError):
        return GoldenRows([], [])


def _made_up_customers(folder: Path, rows: int) -> list[dict[str, Any]]:
    from ml.data.sample import write_csv

    path = folder / "customers.csv"
    write_csv(path, rows=max(rows, 1), seed=1)
    with path.open(newline="", encoding="utf-8") as file:
        found = [
            {name: (float(row[name]) if row[name] else math.nan) if name in NUMERIC else row[name] for name in FEATURES}
            for row in csv.DictReader(file)
        ]
    path.unlink()
    return found
