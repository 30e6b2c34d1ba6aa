"""Entries of a ledger, and versions whose SavedModel is a few bytes, for tests of what a candidate is compared with."""

from __future__ import annotations

from typing import Any

from ml.registry.ledger.entries import CONFIRMED, INTENT, KEPT, PUBLISHED
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.model_store import stored_model
from ml.storage.files import sha256_tree
from ml.storage.root import Root

MODEL = "customer-model"
HOLDOUT = "today's rows"


def promoted(root: Root, number: int, **facts: Any) -> str:
    """Append a confirmed version and write its SavedModel; returns the hash of that."""
    place = root.version(MODEL, number)
    place.mkdir(parents=True)
    (place / "saved_model.pb").write_text(f"version {facts.get('rollback_of', number)}")
    root.release(number).mkdir(parents=True)
    (root.release(number) / "release.json").write_text("{}")
    sha256 = sha256_tree(place)
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    facts = {"holdout": HOLDOUT, "champion": champion.number if champion else None, **facts}
    ledger.append(INTENT, run_id=f"r{number}", version=number, model_sha256=sha256, **facts)
    for event in (PUBLISHED, CONFIRMED):
        ledger.append(event, run_id=f"r{number}", version=number)
    return sha256


def kept(root: Root, name: str, *, holdout: str = HOLDOUT) -> str:
    """Append a candidate that was found equal to the champion and store its SavedModel; returns the hash of that."""
    made = root.path / f"candidate-{name}"
    made.mkdir(parents=True)
    (made / "saved_model.pb").write_text(name)
    sha256 = sha256_tree(made)
    stored_model(root, sha256).parent.mkdir(parents=True)
    made.rename(stored_model(root, sha256))
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    assert champion is not None
    ledger.append(KEPT, run_id=name, model_sha256=sha256, champion=champion.number, holdout=holdout)
    return sha256
