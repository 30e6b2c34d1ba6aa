"""What was changed of the files that are read back: whoever asks must not take them for what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ml.audit.subject import Subject
from ml.data.outcomes.erasure import erasure_of
from ml.errors import FinalError
from ml.pipeline.run import FROZEN
from ml.pipeline.step_names import STEPS
from ml.registry.champion import champion_of, damage_of
from ml.storage import run_order
from ml.storage.artifact import RECORD, SEAL, read_record, seal_of
from ml.storage.files import sha256_file, sha256_tree
from ml.storage.root import Root


def damages(of: Subject) -> list[str]:
    """Return a sentence for each changed part of a release record; without one, of the files of the run."""
    if of.version is not None and of.release is not None and of.release.is_dir():
        noted = of.version.record_sha256
        is_whole = not noted or sha256_tree(of.release) == noted
        return [] if is_whole else [f"the release record in {of.release} was changed."]
    return list(_of_run(of.root, of.run))


def damage_of_model(of: Subject, model: str) -> str:
    """Return how the files of a version differ from those that the ledger names; "" when they do not, or are gone."""
    if of.version is None or not of.root.version(model, of.version.number).exists():
        return ""
    return damage_of(champion_of(of.root, model, of.version))


def _of_run(root: Root, run: Path) -> Iterator[str]:
    settings, noted = run / FROZEN, run_order.noted(run)
    if settings.is_file() and noted.get("settings_sha256") not in (None, sha256_file(settings)):
        yield f"{settings} was changed since the run began."
    for step in STEPS:
        place = run / step
        if not (place / RECORD).is_file():
            continue
        try:
            record = read_record(place)
        except FinalError as error:
            yield error.what
            continue
        is_erased = step == STEPS[0] and erasure_of(root, str(record.get("sha256", ""))) is not None
        if not is_erased and record.get(SEAL, noted.get("sealed")) not in (None, seal_of(place, record)):
            yield f"{place}: the files of step {step!r} were changed since it finished."
