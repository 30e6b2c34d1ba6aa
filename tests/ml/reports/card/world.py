"""Versions of every kind without any training: a ledger, release records, and scores that the test chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.config.settings import resolve
from ml.data.csv_reader import read_columns
from ml.data.features import CATEGORICAL, FEATURES
from ml.evaluation.scored_rows import ScoredRows
from ml.registry.kept_data import keep_data
from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import sha256_file, write_json
from ml.storage.root import Root
from ml.training.split import profile_hashes, row_hashes

Score = Callable[[NDArray[np.int8]], NDArray[np.float32]]


def fair(labels: NDArray[np.int8], seed: int = 1) -> NDArray[np.float32]:
    """Scores of a model that is right for about four of five."""
    random = np.random.default_rng(seed)
    return np.clip(0.2 + 0.4 * labels + random.normal(0, 0.2, len(labels)), 0, 1).astype(np.float32)


def add_version(root: Root, csv: Path, score: Score = fair, **told: Any) -> int:
    """Add a confirmed version that is evaluated on all rows of its data; `told` are fields of its intent."""
    overrides = told.pop("overrides", [])
    ledger = Ledger(root.ledger)
    number = max(ledger.versions(), default=0) + 1
    sha256, run_id = sha256_file(csv), told.pop("run_id", f"run-{number}")
    keep_data(csv, sha256, root=root)
    write_release(root.release(number), csv, score, overrides)
    intent = {
        "model_sha256": f"{number:064d}", "data_sha256": sha256, "source": "file:customers.csv", "source_kind": "file",
        "rows": len(read_columns(csv)["Age"]), "decision": "first", "champion": None,
    }  # fmt: skip
    (root.version("customer-model", number)).mkdir(parents=True)
    ledger.append(INTENT, run_id=run_id, version=number, **(intent | told))
    ledger.append(PUBLISHED, run_id=run_id, version=number)
    ledger.append(CONFIRMED, run_id=run_id, version=number)
    return number


def write_release(place: Path, csv: Path, score: Score, overrides: list[str]) -> None:
    """Write a release record as `promote` does."""
    columns = read_columns(csv)
    labels = pc.equal(columns["Segmentation"], "D").to_numpy(zero_copy_only=False).astype(np.int8)
    features = {name: columns[name] for name in FEATURES}
    rows = ScoredRows(
        row_hashes(features, labels), profile_hashes(features, "row"), labels, score(labels),
        np.zeros((0, len(labels)), dtype=np.float32), None, {},
    )  # fmt: skip
    place.mkdir(parents=True)
    rows.write(place / "rows.npz")
    settings = resolve(overrides=overrides, environment={})
    money = {"economics": settings.as_dict()["economics"]} if settings.economics.is_set else {}
    write_json(place / "release.json", {"features": list(FEATURES), "settings": settings.as_dict(), **money})
    write_json(place / "evaluation.json", {"inputs": {name: known_input(name, columns[name]) for name in FEATURES}})


def known_input(name: str, column: Any) -> dict[str, Any]:
    """What a model of these data knows of a feature."""
    limits = {"low": None, "high": None, "missing": column.null_count > 0, "drift_threshold": None, "drift_rows": 100}
    if name in CATEGORICAL:
        counts = {pair["values"]: pair["counts"] for pair in column.value_counts().to_pylist() if pair["values"]}
        values = sorted(counts)
        return {"values": values, "counts": [counts[value] for value in values], "edges": [], **limits}
    count, edges = np.histogram(column.drop_null().to_numpy(), bins=10)
    return {"values": None, "counts": count.tolist(), "edges": edges.tolist(), **limits}
