"""One look at the traffic of the version that should be serving, and what follows from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ml.config.monitoring_settings import MonitoringSettings
from ml.config.settings import Settings
from ml.drift.column_drift import TrainingStatistics, column_drift
from ml.drift.finding import Finding
from ml.drift.last_checks import Check, Share, keep_check
from ml.drift.share_drift import Expected, predicted_share, target_share
from ml.drift.traffic import read_traffic
from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.feedback.release_facts import covariance
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.trigger import Trigger, begun_by
from ml.registry.schemas.in_force import schema_in_force
from ml.storage import files
from ml.storage.root import Root
from serving.expectation.calibration import Calibration
from serving.records.record_directory import Unreadable, read_record
from serving.records.row import RecordedRow

_NOT_AS_EXPECTED = (OSError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Window:
    """Days of the record in UTC, as the record has them, the last one included; of today, what has come so far."""

    first: date
    last: date

    @classmethod
    def ending(cls, day: date, days: int) -> Window:
        """Return so many days, of which `day` is the last."""
        return cls(day - timedelta(days=days - 1), day)

    def has(self, row: RecordedRow) -> bool:
        """Whether a row was answered in it."""
        return self.first.isoformat() <= row.time[:10] <= self.last.isoformat()


def check_traffic(root: Root, settings: Settings, *, day: date, found: tuple[Finding, ...] = ()) -> Check:
    """Look at the traffic, and note in `monitoring.json` what was found.

    The same day may be looked at again, after a kill for example: what is noted of it is replaced.

    Args:
        root: Where the record, the releases and the ledger are.
        settings: The sections `monitoring`, `feedback` and `serving`.
        day: The last one of the requests.
        found: Findings about the live performance, which ask for a retraining as drift does.

    Raises:
        FinalError: The ledger, the schema in force or the record cannot be read.
        OSError: The disk refuses.
    """
    check = _looked(root, settings, day)
    findings = (*check.findings, *found)
    asks, held_back = _asks(findings, Ledger(root.ledger), settings.monitoring, day)
    check = check.with_decision(findings, asks, held_back)
    keep_check(root, check)
    return check


def _looked(root: Root, settings: Settings, day: date) -> Check:
    champion, window = Ledger(root.ledger).champion(), Window.ending(day, settings.monitoring.window_days)
    now = datetime.now(UTC)
    if champion is None:
        return Check(day, now, None, told="No version serves yet, so there is no traffic to look at.")
    version, release = champion.number, root.release(champion.number)
    try:
        training = TrainingStatistics.read(release / "statistics.pb")
        expected = _expected(release)
    except (*_NOT_AS_EXPECTED, FinalError) as error:  # of older code, or damaged
        told = f"It is not known what to expect of version {version}: {_named(error)}."
        return Check(day, now, version, told=told)
    schema, unreadable = schema_in_force(root).schema, Unreadable()
    directory = root.path / settings.feedback.record
    if directory.is_dir() and not os.access(directory, os.R_OK | os.X_OK):  # it would look empty
        raise FinalError(
            f"{directory}: the record cannot be read by this user.", "Let the gateway run as the same user as this."
        )
    rows = _rows(directory, unreadable, window, model=settings.serving.model, version=str(version))
    traffic = read_traffic(rows, schema, ranges=training.ranges(), threshold=expected.threshold)
    customers, fewest = traffic.customers.number, settings.monitoring.fewest_customers
    notes = _unreadable_notes(unreadable)
    if customers < fewest:
        told = (
            f"The record has {customers:,} customers of version {version} from {window.first} to {window.last}, and "
            f"{fewest:,} are needed: nothing can be said."
        )
        if not directory.is_dir():
            told += " There is no record: the gateway keeps one with --record."
        return Check(day, now, version, rows=traffic.rows, customers=customers, told=told, notes=notes)
    columns = column_drift(traffic, training, schema, version=version, fewest=fewest)
    margin = settings.monitoring.share_margin
    shares = [predicted_share(traffic, expected, margin=margin), target_share(traffic, expected, margin=margin)]
    known = [one for one in shares if one is not None]
    return Check(
        day,
        now,
        version,
        rows=traffic.rows,
        customers=customers,
        findings=(*columns.findings, *(one.finding for one in known if one.finding)),
        distances=columns.distances,
        thresholds=columns.thresholds,
        shares=tuple(Share(one.name, one.expected, one.found.value, one.found.low, one.found.high) for one in known),
        told=(
            f"{traffic.rows:,} rows about {customers:,} customers from {window.first} to {window.last} were compared "
            f"with the data of version {version}."
        ),
        notes=(*notes, *columns.notes, *(one.sentence for one in known if not one.has_drifted)),
    )


def _rows(
    directory: Path, unreadable: Unreadable, window: Window, *, model: str, version: str
) -> Iterator[RecordedRow]:
    for row in read_record(directory, unreadable, since=window.first):
        if row.model == model and row.version == version and row.probability is not None and window.has(row):
            yield row


def _expected(release: Path) -> Expected:
    record = files.read_json(release / "release.json")
    rows = ScoredRows.read(release / "rows.npz")
    if not len(rows.candidate):
        raise ValueError("there are no evaluation rows")
    calibration = Calibration.of(files.read_json(release / "evaluation.json")["calibration"])
    of_all = covariance(calibration, rows)
    return Expected(rows.candidate, rows.labels, calibration, of_all, float(record["threshold"]))


def _asks(
    findings: tuple[Finding, ...], ledger: Ledger, settings: MonitoringSettings, day: date
) -> tuple[Trigger | None, tuple[str, ...]]:
    """Return what asks for a retraining, None without anything, and a sentence for each finding that does not."""
    events, asking, held_back = ledger.events(), {}, []
    for finding in findings:
        begun = begun_by(finding.key, day, events, cool_down_days=settings.cool_down_days)
        if begun is None:
            asking[finding.key] = finding.sentence
            continue
        again = date.fromisoformat(begun["day"]) + timedelta(days=settings.cool_down_days)
        held_back.append(
            f"Run {begun['run_id']} began for {finding.key} of {begun['day']}; it asks for a retraining again from "
            f"{again} on, if it is still there."
        )
    asks = Trigger("", day, asking, settings.cool_down_days) if asking else None
    return asks, tuple(held_back)


def _unreadable_notes(unreadable: Unreadable) -> tuple[str, ...]:
    found = []
    if unreadable.files:
        found.append(f"{unreadable.files:,} files of the record cannot be read, and were left out.")
    if unreadable.lines:
        found.append(f"{unreadable.lines:,} lines of the record are no rows, and were left out.")
    return tuple(found)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".")
