"""Train a version again from what is recorded of it, and say whether its weights come out bit for bit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.artifacts import Accepted, Dataset
from ml.audit.reproduction.weights import largest_weight_difference, same_weights, weights_of
from ml.audit.subject import MOST_NAMED, Subject
from ml.config.settings import TargetSettings, TrainSettings, TransformSettings
from ml.config.tree_differences import differences
from ml.config.typed_tree import build
from ml.data.outcomes.content import copy_data
from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.data.schema import Schema, seed_schema
from ml.errors import FinalError, RetrainError, SettingsError, printable
from ml.pipeline.fingerprint import code_sha256, environment, source_hashes
from ml.registry.champion import champion_of, damage_of
from ml.registry.golden_rows import GoldenRows
from ml.registry.policy.provenance import SAMPLE, kind_of
from ml.storage import files

log = logging.getLogger(__name__)
BATCH_ROWS, REPLAY_ROWS = 100_000, 50
"""Used where the release record does not say: they do not decide the weights."""
SAME, OTHER = "the same weights bit for bit", "other weights"


def reproduce(of: Subject, *, model: str, scratch: Path) -> dict[str, Any]:
    """Retrain `of` in the empty directory `scratch`, and compare the weights, and the answers to the known rows.

    Split, encoding and network are made anew by the code that is here, on the data and with the settings and the
    schema that are recorded. Nothing outside `scratch` is written.

    Args:
        of: A version whose files are kept.
        model: The name of the served model.
        scratch: An empty directory; the model that is made stays in its `train`.

    Returns:
        `same_weights`, `same_bytes`, the largest differences of a weight and of an answer, and `differs`: which
        recorded things are not as they were, by name. With the same weights these are what did not matter.

    Raises:
        FinalError: It is no version, its files are gone or were changed, its settings or its data are not recorded.
    """
    original = _original(of, model)
    target, transform, train = _settings(of)
    accepted = _accepted(of, scratch)
    made = _trained(accepted, target, transform, train, of=of, scratch=scratch)
    weights, recorded = weights_of(made), weights_of(original)
    return {
        "version": of.version.number if of.version else None,
        "same_weights": same_weights(weights, recorded),
        "same_bytes": files.sha256_tree(made) == files.sha256_tree(original),
        "largest_weight_difference": largest_weight_difference(weights, recorded),
        "largest_difference": _largest_difference(of, made.parent / "replay.json"),
        "data_sha256": accepted.sha256,
        "differs": _differs(of),
        "not_recorded": [name for name in ("sources", "environment", "schema") if not of.record.get(name)],
    }


def reproduced_text(answer: Mapping[str, Any]) -> str:
    """Return the answer of `reproduce` as text for a terminal."""
    said = SAME if answer["same_weights"] else OTHER
    lines = [f"Version {answer['version']} was trained again: {said}."]
    if not answer["same_weights"]:
        apart = answer["largest_weight_difference"]
        lines.append(f"  weights        {'of another shape' if apart is None else f'differ by at most {apart:.1e}'}")
    if answer["same_weights"] and not answer["same_bytes"]:
        lines.append("  files          differ in the order and the names that an export happens to write")
    if answer["largest_difference"] is not None:
        lines.append(f"  answers        differ by at most {answer['largest_difference']:.1e} on the known rows")
    lines.append(f"  data           sha256 {answer['data_sha256'][:12]}, as recorded")
    lines += [f"  differs        {name}" for name in answer["differs"][:MOST_NAMED]]
    if len(answer["differs"]) > MOST_NAMED:
        lines.append(f"                 and {len(answer['differs']) - MOST_NAMED} more (--json names all)")
    if not answer["differs"]:
        lines.append("  differs        nothing that is recorded: code, schema, Python, libraries, processor")
    if answer["not_recorded"]:
        lines.append(f"  not recorded   {', '.join(answer['not_recorded'])}")
    return "\n".join(map(printable, lines))


def _original(of: Subject, model: str) -> Path:
    if of.version is None:
        raise FinalError(f"{of.title} became no version, so there is no model to compare with.", "Name a version.")
    saved_model = of.root.version(model, of.version.number)
    if not saved_model.is_dir():
        raise FinalError(
            f"The files of version {of.version.number} are not kept: {saved_model} is missing.",
            "Name a version that is kept, or restore the directory from a backup.",
        )
    if lost := damage_of(champion_of(of.root, model, of.version)):
        raise FinalError(f"Version {of.version.number} cannot be compared with: {lost}.", "Restore it from a backup.")
    return saved_model


def _settings(of: Subject) -> tuple[TargetSettings, TransformSettings, TrainSettings]:
    """Return the recorded settings that decide the weights."""
    tree = of.settings
    missing = [name for name in ("target", "transform", "train") if name not in tree]
    if missing:
        raise FinalError(
            f"{of.title}: its settings are not recorded ({', '.join(missing)}): an older version of the code made it, "
            "and the files of its run are gone.",
            "Name a version that was made since.",
        )
    try:
        return (
            build(TargetSettings, tree["target"], "target"),
            build(TransformSettings, {"batch_rows": BATCH_ROWS, **tree["transform"]}, "transform"),
            build(TrainSettings, tree["train"], "train"),
        )
    except SettingsError as error:
        raise FinalError(
            f"{of.title}: this code does not know its settings any more: {error.what}",
            "Use the code of that time: `lineage` names its hash.",
        ) from error


def _accepted(of: Subject, scratch: Path) -> Accepted:
    """Copy the recorded data into `scratch`, as an artifact that transform takes."""
    data, entry = of.data, of.entry
    sha256 = str(entry.get("data_sha256", "not recorded"))
    if data is None and (day := erasure_of(of.root, sha256)):
        raise FinalError(
            f"{of.title.capitalize()} cannot be trained again: {erased_sentence(day)}.",
            "Name a version that was made of other data.",
        )
    if data is None:
        raise FinalError(
            f"{of.title}: its data (sha256 {sha256[:12]}) are not kept.",
            "Put the file back as runs/RUN/ingest/data.csv of its run, or name another version.",
        )
    place = scratch / "ingest"
    place.mkdir(parents=True)
    dataset = Dataset(place, str(entry["data_sha256"]), int(entry.get("rows", 0)), str(entry.get("source", "")))
    copy_data(data, place)
    return Accepted(place, dataset.sha256, dataset.rows, dataset.csv, [], {}, dataset.name)


def _trained(
    accepted: Accepted,
    target: TargetSettings,
    transform_settings: TransformSettings,
    train_settings: TrainSettings,
    *,
    of: Subject,
    scratch: Path,
) -> Path:
    from ml.training.train import train
    from ml.training.transform import transform

    for step in ("transform", "train"):
        (scratch / step).mkdir()
    try:
        examples = transform(
            accepted, schema=_schema(of), settings=transform_settings, target=target, out=scratch / "transform"
        )
        made = train(
            examples,
            settings=train_settings,
            target=target,
            replay_rows=_known_rows(of) or REPLAY_ROWS,
            of_sample=kind_of(of.entry) == SAMPLE,
            out=scratch / "train",
        )
    except RetrainError as error:
        raise FinalError(f"{of.title} cannot be trained again: {error.what}", error.cure) from error
    return made.saved_model


def _schema(of: Subject) -> Schema:
    """Return the schema that the release record holds; git's where older code did not record it."""
    text = of.record.get("schema")
    return Schema(text, f"the schema of {of.title}") if isinstance(text, str) and text else seed_schema()


def _known_rows(of: Subject) -> int:
    return len(_golden_rows(of).instances)


def _golden_rows(of: Subject) -> GoldenRows:
    try:
        return GoldenRows.read((of.release or of.run) / "replay.json")
    except OSError:
        return GoldenRows([], [])


def _largest_difference(of: Subject, made: Path) -> float | None:
    """Return the largest difference of a probability on the known rows; None when those are others."""
    recorded, again = _golden_rows(of), GoldenRows.read(made)
    if not recorded.instances or repr(recorded.instances) != repr(again.instances):
        return None
    return max(abs(one - other) for one, other in zip(recorded.probability, again.probability, strict=True))


def _differs(of: Subject) -> list[str]:
    """Return what is not as it was recorded, each in a few words."""
    record, entry = of.record, of.entry
    found: list[str] = []
    if record.get("sources"):
        changed = differences(record["sources"], source_hashes())
        found += [f"code: {path} {_change(pair)}" for path, pair in changed.items() if path.endswith(".py")]
    elif entry.get("code_sha256") not in (None, code_sha256()):
        found.append("code, Python or a library: their common hash is another one, and the parts are not recorded")
    if record.get("environment"):
        now = differences(record["environment"], environment())
        found += [f"{name.removeprefix('libraries.')}: was {was}, is {now_is}" for name, (was, now_is) in now.items()]
    if entry.get("schema_sha256") not in (None, _schema(of).sha256):
        found.append("schema: its text is not recorded, and git's is another one")
    return found


def _change(pair: tuple[Any, Any]) -> str:
    was, now = pair
    return "is new" if was is None else "is gone" if now is None else "was changed"
