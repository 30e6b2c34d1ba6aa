"""What is asked about: a version or the candidate of a run, and everything that is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.config.deciding_settings import deciding_part
from ml.config.economics import Economics
from ml.data.outcomes.content import data_sha256
from ml.errors import FinalError
from ml.pipeline.outcome import OUTCOME_OF_EVENT
from ml.pipeline.run import FROZEN
from ml.pipeline.run_record import RunRecord, result_path
from ml.pipeline.step_names import STEPS
from ml.registry.kept_data import kept_data
from ml.registry.ledger.entries import APPROVED, CONFIRMED, OVERRIDDEN, REFUSED, WAITING
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.references.ancestry import original_of
from ml.storage import run_order
from ml.storage.files import json_object
from ml.storage.root import Root, shown

MOST_NAMED = 10
DECISIONS = (APPROVED, REFUSED, OVERRIDDEN)
"""What a person decided about a candidate; such an entry has neither its origin nor its verdict."""


@dataclass(frozen=True)
class Subject:
    """A version, or the candidate of a run that became none; what is not recorded is empty.

    Attributes:
        root: Where everything is.
        version: What the ledger says of it; None for a candidate.
        run_id: The run that made it; for a version gone back to, the rollback.
        events: What happened to it, oldest first.
        release: Its release record, if it ever was a version.
        run: The files of the run that trained it, which retention may have removed.
    """

    root: Root
    version: Version | None
    run_id: str
    events: tuple[Mapping[str, Any], ...]
    release: Path | None
    run: Path

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"version {self.version.number}" if self.version else f"run {self.run_id}"

    @property
    def entry(self) -> Mapping[str, Any]:
        """The entry with its origin and its verdict: a version's first one, a candidate's last."""
        if self.version is not None:
            return self.version.intent
        return next((event for event in reversed(self.events) if event["event"] not in DECISIONS), {})

    @property
    def judged(self) -> Mapping[str, Any]:
        """The entry with the verdict: of a version gone back to, that of the version which first had its bytes."""
        if self.version is None:
            return self.entry
        return original_of(self.version, Ledger(self.root.ledger).versions()).intent

    @property
    def record(self) -> Mapping[str, Any]:
        """The release record."""
        return json_object(self.release / "release.json") if self.release else {}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The deciding settings with which it was trained and judged, from the record or the files of the run."""
        found = self.record.get("settings") or json_object(self.run / FROZEN)
        return deciding_part(found)

    @property
    def economics(self) -> Economics | None:
        """What a contact cost and was worth when it was judged; None when nobody had said.

        Raises:
            SettingsError: They contradict one another.
            LookupError: One of them is not recorded.
        """
        return Economics.read(self.record.get("economics") or json_object(self.run / FROZEN).get("economics"))

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """The report of its evaluation, with slices."""
        return self._file("evaluation.json", "evaluate")

    @property
    def verdict(self) -> Mapping[str, Any]:
        """The verdict with all numbers of its evidence."""
        return self._file("verdict.json", "judge")

    @property
    def verdict_directory(self) -> Path | None:
        """Where the verdict stands, with the rows from which it was computed."""
        places = [*([self.release] if self.release else []), self.run / "judge"]
        return next((place for place in places if (place / "verdict.json").is_file()), None)

    @property
    def scored_rows(self) -> Path | None:
        """The file with the evaluation rows and its scores (`ml.evaluation.scored_rows`)."""
        places = [*([self.release] if self.release else []), self.run / "judge", self.run / "evaluate"]
        return next((place / "rows.npz" for place in places if (place / "rows.npz").is_file()), None)

    @property
    def data(self) -> Path | None:
        """The data on which it was trained, byte for byte."""
        obtained = {} if self.entry else self.run_record.artifact("ingest")
        sha256 = str(self.entry.get("data_sha256", obtained.get("sha256", "")))
        of_the_run = self.run / "ingest" / "data.csv"
        if (kept := kept_data(self.root, sha256)) is not None:
            return kept
        return of_the_run if of_the_run.is_file() and data_sha256(of_the_run) == sha256 else None

    @property
    def run_record(self) -> RunRecord:
        """What the steps of the run came to."""
        return RunRecord.read(self.run)

    def _file(self, name: str, step: str) -> Mapping[str, Any]:
        return (json_object(self.release / name) if self.release else {}) or json_object(self.run / step / name)


def subject(root: Root, text: str) -> Subject:
    """Return what `text` names: the number of a version, or the id of a run.

    A run whose candidate became a version is that version.

    Raises:
        FinalError: The ledger knows no such version, and neither ledger nor files know such a run.
    """
    ledger = Ledger(root.ledger)
    events, versions = ledger.events(), ledger.versions()
    if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) in versions:
        return _of_version(root, versions[int(text)], versions, events)
    if (version := ledger.of_run(text)) is not None:
        return _of_version(root, version, versions, events)
    found = tuple(event for event in events if event["run_id"] == text and _ends_a_candidate(event))
    if found or _is_known_run(root, text):
        return Subject(root, None, text, found, None, root.runs / text)
    raise _unknown(root, text, versions, events)


def _of_version(root: Root, version: Version, versions: Mapping[int, Version], events: list[dict[str, Any]]) -> Subject:
    asked = tuple(e for e in events if e["run_id"] == version.run_id and e["event"] in (WAITING, *DECISIONS))
    own = asked + tuple(event for event in events if event.get("version") == version.number)
    return Subject(
        root,
        version,
        version.run_id,
        own,
        root.release(version.number),
        root.runs / original_of(version, versions).run_id,
    )


def _ends_a_candidate(event: Mapping[str, Any]) -> bool:
    return event["event"] in DECISIONS or (event["event"] != CONFIRMED and event["event"] in OUTCOME_OF_EVENT)


def _is_known_run(root: Root, text: str) -> bool:
    try:
        return _has_results(root.run(text))
    except FinalError:  # it cannot be the id of a run
        return False


def _has_results(run: Path) -> bool:
    return any(result_path(run, step).is_file() for step in STEPS)


def _unknown(root: Root, text: str, versions: Mapping[int, Version], events: list[dict[str, Any]]) -> FinalError:
    by_recency = sorted(root.runs.iterdir(), key=run_order.recency) if root.runs.is_dir() else []
    of_files = [place.name for place in by_recency if _is_known_run(root, place.name)]
    of_ledger = [str(event["run_id"]) for event in events if _ends_a_candidate(event)]
    runs = [*dict.fromkeys(run for run in of_ledger if run not in of_files), *of_files]
    return FinalError(
        f"{shown(text)!r}: the ledger knows no such version, and there is no such run.",
        f"Versions: {_last_of([str(number) for number in versions])}. Runs: {_last_of(runs)}.",
    )


def _last_of(names: list[str]) -> str:
    if not names:
        return "none"
    return ("..., " if len(names) > MOST_NAMED else "") + ", ".join(names[-MOST_NAMED:])
