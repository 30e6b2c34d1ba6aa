"""The models that were found equal to the champion: with it they are the reference of the paired tests.

A champion that was promoted because it was lucky would make every later look unfair, so that it does not stand alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.registry.ledger.entries import INTENT, KEPT
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.policy.rollback_target import origin
from ml.registry.references.ancestry import REFRESH, decision_of
from ml.registry.references.model_store import stored_model
from ml.storage.files import sha256_tree
from ml.storage.root import Root

log = logging.getLogger(__name__)
MOST_REFERENCES = 8


@dataclass(frozen=True)
class ReferenceModel:
    """A model that evaluation scores beside the candidate: its name for people, its hash and its SavedModel.

    `version` is its number; None for a kept candidate and for a stand-in, which never had one.
    """

    name: str
    model_sha256: str
    saved_model: Path
    version: int | None = None


def reference_models(root: Root, model: str, baseline: Version, *, holdout: str, most: int) -> Iterator[ReferenceModel]:
    """Yield at most `most` models that were found equal to the baseline since it came, the latest first.

    These are the kept candidates, and the versions that a refresh replaced. The baseline itself is not among them, and
    nothing that is quarantined.
    One whose files are gone is passed over: the reference is then the mean of fewer.

    Args:
        root: Where versions and the kept candidates are.
        model: The name of the served model.
        baseline: The version that the candidate is compared with.
        holdout: Identifies the evaluation rows; models that were compared on others do not count.
        most: How many are wanted.
    """
    ledger = Ledger(root.ledger)
    events = ledger.events()
    seen = {baseline.intent["model_sha256"], *quarantine_of(events).models}
    for name, sha256, place in _found_equal(events, ledger.versions(), baseline, holdout):
        saved_model = root.version(model, place) if isinstance(place, int) else stored_model(root, sha256)
        if most <= 0 or sha256 in seen or not saved_model.is_dir():
            continue
        if sha256_tree(saved_model) != sha256:
            log.warning("%s: was changed; %s does not count as a reference any more", saved_model, name)
            continue
        seen.add(sha256)
        most -= 1
        yield ReferenceModel(name, sha256, saved_model, place)


def _found_equal(
    events: Sequence[Mapping[str, Any]], versions: Mapping[int, Version], baseline: Version, holdout: str
) -> Iterator[tuple[str, str, int | None]]:
    """Yield name, hash and version number (None for a kept candidate), going back to the last version without equals.

    A version that was rolled back to has no equals yet: what was found equal to its successor is the successor's.
    """
    if origin(baseline) != baseline.number:
        return
    current: Version | None = baseline
    for event in reversed(events):
        if current is None:
            return
        if event["event"] == KEPT and _is_equal_to(current, event) and event.get("holdout") == holdout:
            yield f"the kept candidate of run {event['run_id']}", str(event["model_sha256"]), None
        elif event["event"] == INTENT and event["version"] == current.number:
            replaced = versions.get(event.get("champion") or 0) if decision_of(current) == REFRESH else None
            current = replaced if replaced is not None and replaced.has_served else None
            if current is not None and current.intent.get("holdout", holdout) == holdout:
                yield f"version {current.number}", str(current.intent["model_sha256"]), current.number
            if current is not None and origin(current) != current.number:
                current = None


def _is_equal_to(version: Version, event: Mapping[str, Any]) -> bool:
    """Whether a kept candidate was compared with this version, and made by its recipe.

    One of other settings is not a retraining: it may be weaker, though nobody can tell, and would lower the bar.
    """
    recipe = version.intent.get("recipe")
    return event.get("baseline", event.get("champion")) == version.number and recipe in (None, event.get("recipe"))
