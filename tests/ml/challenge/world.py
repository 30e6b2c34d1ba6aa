"""A version, a candidate that was found equal to it, and a list of customers with outcomes, by the real writers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.challenge.challenge import follow
from ml.challenge.fresh_rows import OPEN_DAYS
from ml.challenge.models import Model, challenger_model, champion_model
from ml.config.settings import Settings, resolve
from ml.data.features import CATEGORICAL, FEATURES, RawFeatures
from ml.data.sample import generate
from ml.feedback.reading import Directories
from ml.registry.champion import verified_champion
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.challengers import challengers
from ml.storage.root import Root
from serving.records.journal import Journal
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep
from serving.records.private_files import private_directory
from serving.records.row import RecordedRow, utc_text

MODEL = "customer-model"


@dataclass
class World:
    """Writes what the gateway would, for a root with a champion and kept candidates."""

    root: Root

    @property
    def settings(self) -> Settings:
        return resolve(environment={})

    @property
    def directories(self) -> Directories:
        return Directories.of(self.root, self.settings.feedback)

    @property
    def models(self) -> tuple[Model, Model]:
        """The champion's and the first challenger's."""
        champion = verified_champion(self.root, MODEL)
        assert champion is not None
        ledger = Ledger(self.root.ledger)
        first = next(challengers(ledger.events(), champion.number))
        return champion_model(self.root, ledger.versions()[champion.number], champion), challenger_model(
            self.root, first
        )

    def list_of(
        self,
        request: str,
        features: RawFeatures,
        chances: Sequence[float],
        changed: Mapping[str, Any] | None = None,
        groups: Sequence[str] = (),
    ) -> None:
        """Record a list whose customers were asked with these probabilities, an hour from now, but for `changed`."""
        at = datetime.now(UTC) + timedelta(hours=1)
        rows = [
            RecordedRow(
                utc_text(at.timestamp()),
                request,
                place + 1,
                MODEL,
                "1",
                0.5,
                "D",
                customer=f"{request}-{place}",
                features={name: _value(name, features[name][place]) for name in FEATURES},
                propensity=chance,
                group=(groups[place] if groups else "") or None,
            )
            for place, chance in enumerate(chances)
        ]
        private_directory(self.directories.record, "--record")
        journal = Journal(self.directories.record, at)
        journal.append(b"".join(replace(row, **(changed or {})).line() for row in rows))
        journal.close()

    def check(self) -> dict[str, Any]:
        """Look at the challengers when all lists are closed that were scored until now."""
        later = datetime.now(UTC) + timedelta(days=OPEN_DAYS, hours=2)
        return follow(self.root, self.settings, now=later)

    def tell(self, request: str, labels: dict[int, bool], *, at: datetime | None = None) -> None:
        """Outcomes of rows of a list, counted from 0, come at this time."""
        at = at or datetime.now(UTC) + timedelta(hours=2)
        private_directory(self.directories.outcomes, "--outcomes")
        outcomes = [
            Outcome(request, place + 1, label="D" if is_target else "rest", date=f"{at:%Y-%m-%d}")
            for place, is_target in labels.items()
        ]
        keep(self.directories.outcomes, outcomes, by="crm", request_id="r", now=at)


def customers(count: int, seed: int) -> RawFeatures:
    """Made-up customers whom no model has seen."""
    found = generate(count, seed)
    return {
        name: np.array(["" if value is None else str(value) for value in found[name]], object)
        if name in CATEGORICAL
        else _numbers(found[name])
        for name in FEATURES
    }


def as_the_challenger_says(
    champion: NDArray[np.float64], challenger: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.bool_]:
    """Outcomes of a world in which the challenger is right where the two differ, nine times of ten."""
    return np.asarray((challenger > champion) ^ (random.random(len(champion)) < 0.1))


def _numbers(column: Any) -> NDArray[np.float32]:
    return np.array([np.nan if value in (None, "") else float(value) for value in column], np.float32)


def _value(name: str, value: Any) -> float | str | None:
    if name in CATEGORICAL:
        return str(value)
    return None if np.isnan(value) else float(value)
