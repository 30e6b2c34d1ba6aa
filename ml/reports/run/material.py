"""What a page about a run is made of: everything that the run, and the version before it, left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ml.audit.subject import Subject, subject
from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.pipeline.run import FROZEN, FROZEN_SCHEMA, frozen_schema
from ml.pipeline.run_record import RunRecord
from ml.registry.kept_data import kept_data
from ml.registry.ledger.ledger import Ledger, Version
from ml.storage.files import json_object, read_json
from ml.storage.root import Root


@dataclass(frozen=True)
class Material:
    """The files of a run, each empty or None when the run has none or they are gone.

    Attributes:
        root: Where everything is.
        run_id: The run.
    """

    root: Root
    run_id: str

    @property
    def directory(self) -> Path:
        """The directory of the run."""
        return self.root.run(self.run_id)

    @cached_property
    def record(self) -> RunRecord:
        """What the steps came to."""
        return RunRecord.read(self.directory)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The settings with which the run began."""
        return json_object(self.directory / FROZEN)

    @cached_property
    def verdict(self) -> Mapping[str, Any]:
        """The verdict with all numbers of its evidence."""
        return json_object(self.directory / "judge" / "verdict.json")

    @property
    def evidence(self) -> Mapping[str, Any]:
        """What the paired tests say; empty when the candidate was compared with nothing."""
        return self.verdict.get("evidence") or {}

    @cached_property
    def evaluation(self) -> Mapping[str, Any]:
        """The report of the evaluation."""
        return json_object(self.directory / "evaluate" / "evaluation.json")

    @cached_property
    def rows(self) -> ScoredRows | None:
        """The evaluation rows with all scores."""
        try:
            return ScoredRows.read(self.directory / "evaluate" / "rows.npz")
        except (FileNotFoundError, NotADirectoryError):
            return None

    @cached_property
    def epochs(self) -> list[Mapping[str, Any]]:
        """The epochs of the training, the first one first."""
        path = self.directory / "train" / "history.json"
        return list(read_json(path)) if path.is_file() else []

    @cached_property
    def validation(self) -> Mapping[str, Any]:
        """The findings; those of refused data stand beside the step, since its directory does not survive them."""
        places = (self.directory / "validate", self.directory)
        return next((found for place in places if (found := json_object(place / "validation.json"))), {})

    @property
    def csv(self) -> Path | None:
        """The data."""
        path = self.directory / "ingest" / "data.csv"
        return path if path.is_file() else None

    @cached_property
    def drift_thresholds(self) -> Mapping[str, float]:
        """The distance of each feature from which on it counts as drifted, by the schema of the run."""
        has_one = (self.directory / FROZEN_SCHEMA).is_file()
        return frozen_schema(self.directory).drift_thresholds if has_one else {}

    @cached_property
    def subject(self) -> Subject | None:
        """The run, or the version that it became, as the audit knows it."""
        try:
            return subject(self.root, self.run_id)
        except FinalError:  # it has not come so far that anything is recorded
            return None

    @cached_property
    def version(self) -> Version | None:
        """The version that the candidate became."""
        return Ledger(self.root.ledger).of_run(self.run_id)

    @cached_property
    def champion(self) -> Version | None:
        """The version that was the champion when this run was at work.

        For a run without a verdict it is the one that is the champion now.
        """
        ledger = Ledger(self.root.ledger)
        evaluated = self.record.artifact("evaluate")
        if evaluated:
            number = evaluated.get("champion_version")
            return ledger.versions().get(number) if isinstance(number, int) else None
        return ledger.champion()

    @property
    def baseline(self) -> str:
        """What the candidate was compared with, as a label says it; "" when with nothing."""
        return str(self.verdict.get("baseline") or self.evaluation.get("baseline") or "")

    @property
    def champion_csv(self) -> Path | None:
        """The data of the champion, if they are kept."""
        return kept_data(self.root, str(self.champion.intent.get("data_sha256", ""))) if self.champion else None
