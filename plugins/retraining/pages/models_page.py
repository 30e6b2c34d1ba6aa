"""What the models page says: what serves, what is wrong, who waits, and the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ml.config.settings import Settings
from ml.registry.endpoint import server_url
from ml.registry.ledger.entries import LOOKED
from ml.registry.policy.hold import Hold, standing_hold
from ml.registry.policy.provenance import SAMPLE_WARNING, is_sample
from ml.registry.policy.rollback_target import origin
from ml.registry.references.challengers import spent_on_challengers
from ml.registry.references.looks import earlier_looks
from ml.storage.root import Root
from retraining.data_choice import DATA_PATTERN
from retraining.intervention_params import SUBJECT_PATTERN
from retraining.pages.history.plot import Plot, plot_of
from retraining.pages.history.rows import Row, rows_of
from retraining.pages.history.runs import other_runs
from retraining.pages.history.snapshot import Snapshot
from retraining.pages.live_versions import LiveVersions, live_versions
from retraining.pages.server_answer import Answer, server_answer

ROWS_OF_A_PAGE = 50
SHOWN_FAULTS = 3


@dataclass(frozen=True)
class Banner:
    """A message above everything else. `tone` is its colour by meaning: bad, warning or "" for plain."""

    tone: str
    title: str
    text: str


@dataclass(frozen=True)
class Looks:
    """How often the evaluation rows were asked, and what that leaves.

    Attributes:
        last_year: By candidates of the champion's settings, in the last 365 days.
        of_others: By candidates of other settings, in the last 365 days.
        since_champion: Since the champion came.
        planned: So many a year the settings plan.
        budget: The expected false promotions a year that are accepted.
        level: The one-sided level at which the next look is judged.
    """

    last_year: int
    of_others: int
    since_champion: int
    planned: int
    budget: float
    level: float


@dataclass(frozen=True)
class ModelsPage:
    """The content of the page; `rows` are those of one page of the table that pass the filter."""

    answer: Answer
    champion: Row | None
    served: Row | None
    since: str
    banners: Sequence[Banner]
    hold: Hold | None
    waiting: Sequence[Mapping[str, Any]]
    rows: Sequence[Row]
    can_go_back: frozenset[int]
    can_quarantine: frozenset[str]
    outcomes: Sequence[tuple[str, int]]
    total: int
    passing: int
    plot: Plot | None
    looks: Looks | None
    live: LiveVersions | None
    inbox: Sequence[str]
    next_number: int
    hold_days: float


def models_page(root: Root, settings: Settings, ledger: Snapshot, *, outcome: str, number: int) -> ModelsPage:
    """Return the content of the page for one filter (`outcome`, "" for all) and one page of the table, from 1."""
    model, now = settings.serving.model, datetime.now(UTC)
    champion = ledger.champion
    answer = server_answer(server_url(root, settings), model, champion.number if champion else None)
    rows = rows_of(ledger, other_runs(root, {event["run_id"] for event in ledger.events}))
    of_versions = {row.number: row for row in rows if row.number is not None}
    hold = standing_hold(ledger.events, now=now)
    served = of_versions.get(answer.version) if answer.version is not None else None
    live = live_versions(root)
    passing = [row for row in rows if outcome in ("", row.outcome)]
    shown = passing[(number - 1) * ROWS_OF_A_PAGE : number * ROWS_OF_A_PAGE]
    return ModelsPage(
        answer=answer,
        champion=of_versions.get(champion.number) if champion else None,
        served=served,
        since=str(ledger.versions[answer.version].last["at"]) if answer.version in ledger.versions else "",
        banners=list(_banners(ledger, answer, hold, live)),
        hold=hold,
        waiting=ledger.waiting,
        rows=shown,
        can_go_back=frozenset(row.number for row in shown if row.number and _can_go_back(row, ledger, root, model)),
        can_quarantine=frozenset(subject for row in shown if (subject := subject_of(row, ledger))),
        outcomes=sorted(Counter(row.outcome for row in rows).items()),
        total=len(rows),
        passing=len(passing),
        plot=plot_of(rows, champion.number if champion else None),
        looks=_looks(ledger, settings, now),
        live=live,
        inbox=_inbox(root),
        next_number=max(ledger.versions, default=0) + 1,
        hold_days=settings.promote.hold_days,
    )


def subject_of(row: Row, ledger: Snapshot) -> str:
    """Return by which name the model of a row can be quarantined; "" when it cannot, or is."""
    if not row.model_sha256 or row.model_sha256 in ledger.quarantine.models:
        return ""
    subject = str(row.number) if row.number is not None else row.run_id
    return subject if re.match(SUBJECT_PATTERN, subject) else ""


def _can_go_back(row: Row, ledger: Snapshot, root: Root, model: str) -> bool:
    version, champion = ledger.versions.get(row.number or 0), ledger.champion
    return (
        version is not None
        and champion is not None
        and version.accepted
        and version.intent["model_sha256"] != champion.intent["model_sha256"]
        and root.version(model, version.number).is_dir()
    )


def _banners(ledger: Snapshot, answer: Answer, hold: Hold | None, live: LiveVersions | None) -> Iterator[Banner]:
    champion = ledger.champion
    if ledger.chain.faults:
        told = "; ".join(map(str, ledger.chain.faults[:SHOWN_FAULTS]))
        yield Banner(
            "bad",
            "The ledger was changed",
            f"{told}. Nothing is promoted until it is restored or accepted: python -m ml ledger verify. "
            "Rollback goes on.",
        )
    if answer.url and not answer.answers:
        yield Banner(
            "bad",
            "The model server does not answer",
            f"{answer.error.rstrip('.')}. Customers may get no scores. Look at its log, and load this page again.",
        )
    elif answer.url and champion is not None and answer.version != champion.number:
        serves = "no version of this model" if answer.version is None else f"version {answer.version}"
        yield Banner(
            "bad",
            f"The server serves {serves}, not version {champion.number}",
            f"By the ledger version {champion.number} should serve. A server that has just been told needs some "
            f"seconds. If it stays so, look at its log: {'; '.join(answer.states[:2]) or answer.error or answer.url}.",
        )
    elif answer.url and champion is None and answer.version is not None:
        yield Banner(
            "bad",
            f"The server serves version {answer.version}, which the ledger does not know",
            "The ledger has no version that was confirmed. Is this the right root, and the right server?",
        )
    serving = ledger.versions.get(answer.version) if answer.version is not None else champion
    if is_sample(serving) and serving is not None:
        yield Banner("warning", f"Version {serving.number} is a SAMPLE model", f"It was {SAMPLE_WARNING}.")
    if live is not None and live.fallen:
        yield Banner("bad", "The version that serves does worse than expected", live.fallen)
    if hold is not None:
        yield Banner(
            "warning",
            f"Held until {hold.day}",
            f"Since version {hold.version} was gone back from ({hold.reason.rstrip('.')}), nothing is promoted by "
            "itself unless it is found better than that version.",
        )
    pending = [version.number for version in ledger.versions.values() if version.pending]
    if pending:
        numbers = ", ".join(map(str, pending))
        yield Banner("warning", f"Version {numbers} is begun, and not confirmed", "The next run settles it.")


def _looks(ledger: Snapshot, settings: Settings, now: datetime) -> Looks | None:
    champion = ledger.champion
    asked = [event for event in ledger.events if event["event"] == LOOKED]
    if champion is None or not asked:
        return None
    baseline = origin(champion)
    ours = earlier_looks(
        ledger.events,
        holdout=asked[-1]["holdout"],
        evaluation="",
        recipe_is_new=False,
        baseline=baseline,
        now=now,
    )
    gate = settings.gate
    year, challengers = gate.false_promotions_per_year, spent_on_challengers(ledger.events, now=now)
    level = min(0.5, max(year - challengers, year / 2) / max(gate.looks_per_year, ours.last_year + 1))
    return Looks(
        ours.last_year,
        ours.of_others,
        ours.since_champion,
        gate.looks_per_year,
        gate.false_promotions_per_year,
        level,
    )


def _inbox(root: Root) -> list[str]:
    """Return what lies in the inbox, files and directories of shards, as `data` names it."""
    try:
        names = sorted(f"inbox:{path.name}" for path in root.inbox.iterdir() if path.is_file() or path.is_dir())
    except OSError:  # there is none yet
        return []
    return [name for name in names if re.match(DATA_PATTERN, name)]
