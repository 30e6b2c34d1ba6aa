"""What a card is made of: everything that a version left behind, and the version before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.audit.damage import damages
from ml.audit.subject import Subject, subject
from ml.config.economics import Economics
from ml.errors import RetrainError
from ml.evaluation.scored_rows import ScoredRows
from ml.registry.ledger.entries import WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.policy.rollback_target import origin
from ml.reports.card.customers import customers
from ml.reports.look.section import Section
from ml.storage.root import Root
from serving.expectation.known_inputs import KnownInput
from serving.reasons.background import NAME, Background, read_background

MOST_LOOKED_FOR = 200_000
"""Evaluation rows among which weak groups are searched: of more, none would be found that matters."""


@dataclass(frozen=True)
class Part:
    """A section of the card, and the same numbers for programs.

    Attributes:
        section: What people read.
        numbers: Plain JSON values.
        commands: What to type, each with what it is for.
    """

    section: Section
    numbers: Mapping[str, Any] = field(default_factory=dict)
    commands: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Material:
    """The files of a version, each empty or None when it has none or they are gone.

    Attributes:
        root: Where everything is.
        version: Its number.
    """

    root: Root
    version: int

    @cached_property
    def subject(self) -> Subject:
        """The version, as the audit knows it.

        Raises:
            FinalError: There is no such version.
        """
        return subject(self.root, str(self.version))

    @property
    def put_away(self) -> str:
        """That the version is quarantined or withdrawn, and why; "" when it is neither."""
        version = self.subject.version
        if version is None:
            return ""
        models = quarantine_of(Ledger(self.root.ledger).events()).models
        if (model := str(version.intent["model_sha256"])) in models:
            return f"QUARANTINED: do not use it. {_why(models[model])}"
        if version.state == WITHDRAWN:
            return f"WITHDRAWN: do not use it. {_why(version.last.get('reason'))}"
        return ""

    @cached_property
    def original(self) -> Subject:
        """The version which first had its bytes: another one only after a rollback."""
        found = self.subject.version
        number = origin(found) if found is not None else self.version
        is_known = number in Ledger(self.root.ledger).versions()
        return subject(self.root, str(number)) if number != self.version and is_known else self.subject

    @cached_property
    def before(self) -> Subject | None:
        """The version that served before it; None when there was none."""
        versions = Ledger(self.root.ledger).versions()
        served = [number for number, version in versions.items() if number < self.version and version.has_served]
        return subject(self.root, str(max(served))) if served else None

    @cached_property
    def rows(self) -> ScoredRows | None:
        """The evaluation rows with its scores; None when they are not kept, were changed, or there are none."""
        path = None if damages(self.subject) else self.subject.scored_rows
        rows = ScoredRows.read(path) if path is not None else None
        return rows if rows is not None and len(rows.labels) else None

    @property
    def column(self) -> str:
        """The column with the label."""
        return str(self._target.get("column", ""))

    @property
    def segments(self) -> tuple[str, ...]:
        """The values of that column that make a target customer."""
        return tuple(self._target.get("positive_segments", ()))

    @property
    def name(self) -> str:
        """What a target customer is called."""
        return " or ".join(self.segments) or "target customers"

    @property
    def threshold(self) -> float:
        """A customer is called a target when the probability is above it."""
        return float(
            self.subject.settings.get("target", {}).get("threshold", self.subject.record.get("threshold", 0.5))
        )

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Whether it is right about each evaluation row, shape [n]."""
        if self.rows is None:
            return np.array([], dtype=np.bool_)
        return np.asarray((self.rows.candidate > self.threshold) == (self.rows.labels == 1))

    @cached_property
    def features(self) -> tuple[NDArray[np.intp], dict[str, NDArray[np.object_]]] | None:
        """Which of the rows `looked_for` are found again in its data, and their features; None without the data."""
        if self.rows is None or self.subject.data is None or not self.segments:
            return None
        wanted = self.looked_for
        place, columns = customers(
            self.subject.data, self.rows.rows[wanted], column=self.column, positive=self.segments
        )
        return wanted[place], columns

    @cached_property
    def looked_for(self) -> NDArray[np.intp]:
        """The evaluation rows whose features are looked for: all, or `MOST_LOOKED_FOR`, chosen by their hashes."""
        hashes = self.rows.rows if self.rows is not None else np.zeros(0, np.uint64)
        if len(hashes) <= MOST_LOOKED_FOR:
            return np.arange(len(hashes))
        return np.sort(np.argpartition(hashes, MOST_LOOKED_FOR)[:MOST_LOOKED_FOR])

    @cached_property
    def inputs(self) -> dict[str, KnownInput]:
        """What it knows of each of its features; empty when that is not recorded."""
        found = self.subject.evaluation.get("inputs") or {}
        return {name: KnownInput.of(one) for name, one in found.items()}

    @cached_property
    def background(self) -> Background | None:
        """The rows against which its scores are explained; None for a version of older code, which has none."""
        path = self.subject.release / NAME if self.subject.release else None
        return read_background(path) if path is not None and path.is_file() else None

    @property
    def economics(self) -> Economics | None:
        """What a contact cost and was worth; None when nobody had said, or the record of it is damaged."""
        try:
            return self.subject.economics
        except (RetrainError, LookupError, TypeError):
            return None

    @property
    def _target(self) -> Mapping[str, Any]:
        return dict(self.subject.settings.get("target") or self.subject.record.get("target") or {})


def _why(reason: object) -> str:
    return f"The reason: {str(reason).rstrip('.')}." if reason else "The reason is not recorded."
