"""Campaigns whose truth is known, written by what writes the record and the outcomes of a gateway."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import Settings, resolve
from ml.evaluation.calibration import fit_calibration
from ml.evaluation.scored_rows import ScoredRows
from ml.feedback.reading import Directories, Feedback, read_feedback
from ml.storage.root import Root
from serving.records.journal import Journal
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep
from serving.records.private_files import private_directory
from serving.records.row import RecordedRow
from serving.score.exploration import draw_list

MODEL = "customer-model"
SETTINGS: Settings = resolve(environment={})
FIRST = datetime(2026, 11, 2, 8, tzinfo=UTC)  # a Monday, of 2026-W45
Floats = NDArray[np.float64]


def release(root: Root, version: int, *, rows: int = 2000, seed: int = 6) -> Path:
    """The release record of a version that is calibrated, with its evaluation rows."""
    random = np.random.default_rng(seed)
    score = random.beta(1.2, 2.5, rows).astype(np.float32)
    labels = (random.random(rows) < score).astype(np.int8)
    place = root.release(version)
    place.mkdir(parents=True)
    hashes = np.arange(rows, dtype=np.uint64)
    calibration = fit_calibration(labels, score, hashes)
    (place / "evaluation.json").write_text(json.dumps({"rows": rows, "calibration": calibration.as_dict()}))
    ScoredRows(hashes, hashes, labels, score, np.zeros((0, rows), np.float32), None, {}).write(place / "rows.npz")
    return place


@dataclass
class Campaign:
    """A file of customers, a list from it, and what came of those who were asked.

    Attributes:
        version: Which one scored the file.
        customers: How many are in it.
        listed: How many are on the list.
        explore: The share of the list for customers from below.
        control: The share that is left alone.
        answered: The share of those asked of whom an outcome is told.
        flip: The share of outcomes that are told wrongly, as a model that has got worse sees them.
        started: When the file was scored.
        name: The request.
    """

    version: int = 1
    customers: int = 2000
    listed: int = 500
    explore: float = 0.2
    control: float = 0.0
    answered: float = 1.0
    flip: float = 0.0
    started: datetime = FIRST
    name: str = "list"
    seed: int = 1
    rows: list[RecordedRow] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    truth: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        """Draw the customers, the list and the outcomes."""
        random = np.random.default_rng(self.seed)
        score = random.beta(1.2, 2.5, self.customers)
        self.truth = (random.random(self.customers) < score).astype(float)
        order = np.argsort(-score)
        draw = draw_list(order, self.listed, explore=self.explore, control=self.control, seed=[self.name])
        propensity = np.empty(self.customers)
        propensity[order] = draw.asked
        group: list[str | None] = [None] * self.customers
        for row, explored, alone in zip(draw.rows.tolist(), draw.explored.tolist(), draw.control.tolist(), strict=True):
            group[row] = "control" if alone else "explored" if explored else None
        time = self.started.isoformat(timespec="microseconds")
        told = (self.started + timedelta(days=7)).date().isoformat()
        self.rows = [
            RecordedRow(time, self.name, number + 1, MODEL, str(self.version), float(score[number]), "rest",
                        features={"Age": float(number % 60)}, propensity=float(propensity[number]), group=group[number])
            for number in range(self.customers)
        ]  # fmt: skip
        for row in draw.rows.tolist():
            if random.random() < self.answered:
                is_target = bool(self.truth[row]) != (random.random() < self.flip)
                self.outcomes.append(Outcome(self.name, row + 1, label="D" if is_target else "rest", date=told))


def write(root: Root, campaigns: Sequence[Campaign]) -> None:
    """Write the record and the outcomes below a root."""
    directories = Directories.of(root, SETTINGS.feedback)
    private_directory(directories.record, "--record")
    private_directory(directories.outcomes, "--outcomes")
    for campaign in campaigns:
        journal = Journal(directories.record, campaign.started)
        journal.append(b"".join(row.line() for row in campaign.rows))
        journal.close()
        if campaign.outcomes:
            now = campaign.started + timedelta(days=8)
            keep(directories.outcomes, campaign.outcomes, by="crm", request_id="r", now=now)


def feedback_of(root: Root) -> Feedback:
    """What was written below a root."""
    return read_feedback(Directories.of(root, SETTINGS.feedback), model=MODEL)
