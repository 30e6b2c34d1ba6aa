"""Ledgers as the commands write them, without the work behind it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml.registry.ledger.ledger import Ledger

BEGIN = datetime(2026, 1, 5, 3, tzinfo=UTC)
METRICS = {"AUC": 0.88, "Precision": 0.79, "Recall": 0.55, "ExampleCount": 1565.0, "BinaryAccuracy": 0.82}


class Story:
    """Appends to the ledger below a root; each entry is a week later than the one before."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.now = BEGIN
        self.ledger = Ledger(root / "ledger.jsonl", clock=lambda: self.now)
        self.number = 0

    def candidate(self, run_id: str, **more: Any) -> dict[str, Any]:
        """The facts of a candidate; its hashes follow from its run id."""
        return {
            "model_sha256": sha256(run_id),
            "source": "kaggle:owner/name/Train.csv",
            "rows": 8068,
            "data_sha256": sha256("data"),
            "holdout": sha256("holdout"),
            "reasons": [f"Reason of {run_id}."],
            "metrics": METRICS,
        } | more

    def promoted(self, run_id: str = "", **more: Any) -> int:
        """A version that was confirmed; its directory is there."""
        self.number += 1
        run_id = run_id or f"run-{self.number}"
        self.append("intent", run_id, version=self.number, decision="better", **self.candidate(run_id, **more))
        self.append("published", run_id, version=self.number)
        self.append("confirmed", run_id, version=self.number)
        (self.root / "models" / "customer-model" / str(self.number)).mkdir(parents=True)
        self.now += timedelta(days=7)
        return self.number

    def refused(self, event: str, run_id: str, **more: Any) -> None:
        """A candidate that was judged and not promoted."""
        facts = self.candidate(run_id, **more)
        self.append("looked", run_id, evaluation_sha256=sha256("evaluation of " + run_id), holdout=facts["holdout"])
        self.append(event, run_id, champion=self.number or None, decision=event, **facts)
        self.now += timedelta(days=7)

    def append(self, event: str, run_id: str, **facts: Any) -> None:
        self.ledger.append(event, run_id=run_id, **facts)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
