"""A root directory with runs and a ledger in it, and what the exporter says of it."""

from __future__ import annotations

import json
import os
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ml.artifacts import Model, Verdict
from ml.config.settings import resolve
from ml.monitoring.metric_families import collector_registry
from ml.registry.decline import decline
from ml.registry.ledger.entries import REJECTED
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from tests.ml.light_world import MODEL

Values = dict[tuple[str, tuple[str, ...]], float]


def values(root: Root, url: str = "") -> Values:
    """Each sample by its name and the values of its labels, in the order of the labels' names."""
    return parsed(generate_latest(collector_registry(root, ModelServer(url, MODEL) if url else None)).decode())


def parsed(page: str) -> Values:
    return {
        (sample.name, tuple(text for _, text in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def reject(root: Root, run: str) -> None:
    reasons = [{"code": "below_threshold", "sentence": "AUC is 0.7."}]
    verdict = Verdict(root.path, "v", 3, False, reasons, f"model of {run}", None, {}, {})
    model = Model(root.run(run) / "train", f"model of {run}", 3, 1, 0.5)
    decline(root, REJECTED, verdict, model=model, run_id=run, identity={}, settings=resolve(environment={}))


def ended(root: Root, run: str, at: float, **results: Any) -> None:
    """The results of a run, all written at one moment."""
    for step, result in results.items():
        file = root.run(run) / "results" / f"{step}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"step": step, "outcome": "done", "seconds": 1.5, "artifact": None, **result}))
        os.utime(file, (at, at))
