"""Follow the champion's challengers: bet on the lists that were closed since the last check."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.challenge import state_file
from ml.challenge.candidate_files import why_lost
from ml.challenge.closed_lists import closed_lists
from ml.challenge.estimates import estimates
from ml.challenge.fresh_rows import FreshRows, read_fresh_rows
from ml.challenge.models import Model, NotKeptError, challenger_model, champion_model
from ml.challenge.process import Process
from ml.config.settings import Settings
from ml.feedback.reading import Directories
from ml.gate.budget import alpha_of
from ml.performance.asked import Asked, Floats
from ml.performance.betting import FEWEST
from ml.pipeline.run_record import RunRecord
from ml.registry.champion import verified_champion
from ml.registry.ledger.entries import CHALLENGED, REFUSED, REJECTED
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.references.challengers import (
    MOST_FOLLOWED,
    Challenger,
    begun_last_year,
    challenge_run,
    challengers,
    followed,
)
from ml.storage import locks
from ml.storage.root import Root

log = logging.getLogger(__name__)


def follow(root: Root, settings: Settings, *, now: datetime | None = None) -> dict[str, Any]:
    """Bet on all lists that are new, and return what `challenge.json` says then.

    It may be killed and repeated at any time: what was bet on once is never bet on again. A challenger begins as soon
    as there is an outcome that it can be tried on; its entry in the ledger comes before its first bet.

    Args:
        root: Where ledger, versions, runs and what the gateway wrote are.
        settings: `feedback`, `gate`, `serving`, `promote` and `economics` are used.
        now: By default this moment.

    Raises:
        FinalError: The champion, or `challenge.json`, was changed.
        TransientError: Another check, or a promotion, is at work.
        OSError: What the gateway wrote cannot be read.
    """
    now = now or datetime.now(UTC)
    with locks.hold(root.challenge_lock, who="following challengers", wait_seconds=settings.promote.lock_wait_seconds):
        champion = verified_champion(root, settings.serving.model)
        if champion is None:
            return state_file.write(root, None, [], at=now.isoformat(), note="there is no champion")
        ledger = Ledger(root.ledger)
        candidates = list(challengers(ledger.events(), champion.number))
        common = {"at": now.isoformat(timespec="seconds")}
        if not candidates:
            note = f"no candidate was found equal to version {champion.number}"
            return state_file.write(root, champion.number, [], **common, note=note)
        try:
            ours = champion_model(root, ledger.versions()[champion.number], champion)
        except NotKeptError as error:
            return state_file.write(root, champion.number, [], **common, note=f"nothing can be compared: {error}")
        directories = Directories.of(root, settings.feedback)
        rows = read_fresh_rows(directories, model=settings.serving.model, target=ours.target)
        theirs, missing = _models(root, candidates, ours)
        _begin(root, settings, champion.number, [one for one in candidates if _can_begin(one, ours, theirs, rows)], now)
        expected = ours.expected(rows.features)
        processes = state_file.processes_of(root, followed(ledger.events(), champion.number))
        told = []
        for process in processes:
            if (model := theirs.get(process.model_sha256)) is None:
                why = missing.get(process.model_sha256, "its files are not kept")
                log.warning("the challenger of run %s is not followed any more: %s", process.run_id, why)
                told.append(process.as_dict() | {"not_followed": why})
            else:
                told.append(_bet(process, rows, model, ours, expected, settings, now))
                if told[-1]["won"]:
                    told[-1] |= _of_winner(root, process)
        return state_file.write(root, champion.number, told, **common, left=dict(rows.left))


def _of_winner(root: Root, process: Process) -> dict[str, Any]:
    """Why a challenger that has won cannot be promoted, or that it was to be and was turned away."""
    if why := why_lost(root, process.run_id):
        return {"not_followed": why}
    outcome = RunRecord.read(root.run(challenge_run(process.model_sha256, process.champion))).outcome
    return {"turned_away": outcome} if outcome in (REJECTED, REFUSED) else {}


def _models(root: Root, candidates: list[Challenger], ours: Model) -> tuple[dict[str, Model], dict[str, str]]:
    """Return the models that are kept, and why the others cannot be followed, by their hashes."""
    found: dict[str, Model] = {}
    missing: dict[str, str] = {}
    for one in candidates:
        try:
            model = challenger_model(root, one)
        except NotKeptError as error:
            missing[one.model_sha256] = str(error)
            continue
        if model.target == ours.target:
            found[one.model_sha256] = model
        else:
            missing[one.model_sha256] = f"it predicts {model.target}, and the champion {ours.target}"
    return found, missing


def _unseen(rows: FreshRows, one: Model, other: Model) -> NDArray[np.bool_]:
    since = max(one.trained_before, other.trained_before)
    return rows.are_unseen(since, [one.trained_on, other.trained_on], one.customers | other.customers)


def _can_begin(one: Challenger, ours: Model, theirs: Mapping[str, Model], rows: FreshRows) -> bool:
    model = theirs.get(one.model_sha256) if one.alpha is None else None
    return model is not None and bool((_unseen(rows, ours, model) & ~np.isnan(rows.outcome)).any())


def _begin(root: Root, settings: Settings, champion: int, wanted: list[Challenger], now: datetime) -> None:
    """Note in the ledger that these challenge the champion, as far as there is room, the oldest first."""
    if not wanted:
        return
    with locked_registry(root, settings, who="the beginning of a challenge") as registry:
        current = registry.ledger.champion()
        if current is None or current.number != champion:
            return
        for one in wanted:
            events = registry.ledger.events()
            if len(followed(events, champion)) >= MOST_FOLLOWED:
                log.info("%d challengers are followed, the most for one champion: no other begins", MOST_FOLLOWED)
                return
            if begun_last_year(events, now=now) >= settings.gate.looks_per_year:
                log.info("the budget of the last 365 days has no room for another challenger (gate.looks_per_year)")
                return
            registry.ledger.append(
                CHALLENGED,
                run_id=challenge_run(one.model_sha256, champion),
                of_run=one.run_id,
                model_sha256=one.model_sha256,
                champion=champion,
                alpha=float(alpha_of(settings.gate)),
            )


def _bet(
    process: Process,
    rows: FreshRows,
    theirs: Model,
    ours: Model,
    expected: Floats,
    settings: Settings,
    now: datetime,
) -> dict[str, Any]:
    """Return the process with the new bets, and how both models do on the customers of these lists."""
    unseen = _unseen(rows, ours, theirs)
    scores = theirs.expected(rows.features)
    process = process.extended(list(closed_lists(rows, unseen, expected, scores, now=now)))
    answer = process.as_dict() | {"fewest": FEWEST}
    answer["estimates"] = {
        name: estimates(
            Asked(score[unseen], score[unseen], rows.propensity[unseen], rows.outcome[unseen]), settings.economics
        )
        for name, score in (("challenger", scores), ("champion", expected))
    }
    return answer
