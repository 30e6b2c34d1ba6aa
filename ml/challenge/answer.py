"""What a check of the challengers came to, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml.errors import printable

if TYPE_CHECKING:
    from ml.challenge.run import Ended

METRICS = {"auc": "AUC", "profit": "profit for each customer"}


def winner(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the challenger that has won and is to be promoted next; None when none has won.

    It is the one that is furthest above its threshold; one that was turned away before does not stand in the way of
    another.
    """
    won = [one for one in answer["challengers"] if one["won"] and "not_followed" not in one]
    return max(won, key=lambda one: ("turned_away" not in one, one["wealth"] * one["alpha"]), default=None)


def without_bets(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of `challenge.json` with the number of its lists in place of each single bet."""
    counted = {
        name: [{**one, "lists": len(one["lists"])} for one in answer[name]] for name in ("challengers", "earlier")
    }
    return {**answer, **counted}


def answer_text(answer: Mapping[str, Any], ended: Ended | None) -> str:
    """Return the content of `challenge.json`, and what became of the winner, as text."""
    return "\n".join(map(printable, _lines(answer, ended)))


def _lines(answer: Mapping[str, Any], ended: Ended | None) -> Iterator[str]:
    if note := answer.get("note"):
        yield f"Nobody challenges the champion: {note}."
    elif not answer["challengers"]:
        yield (
            f"Nobody challenges version {answer['champion']} yet: no outcome is known of a customer of a list whom "
            "neither model has seen."
        )
    for one in answer["challengers"]:
        yield from _of_one(one)
    if ended is not None:
        yield from (f"  {reason}" for reason in ended.reasons)
        yield f"Run {ended.run_id} ended as {ended.outcome}."
    elif winner(answer):
        yield "It is not promoted yet: python -m ml challenge --promote"


def _of_one(one: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"The kept candidate of run {one['run_id']} {'has won' if one['won'] else 'has not won'} against version "
        f"{one['champion']}: wealth {one['wealth']:.2f}, {one['threshold']:.1f} wins; {one['n']:,} customers, "
        f"at least 200, of {len(one['lists']):,} closed lists."
    )
    if why := one.get("not_followed"):
        yield f"  It is not followed any more: {why}."
    if outcome := one.get("turned_away"):
        yield f"  It was to be promoted before; that run ended as {outcome}, and other winners come first."
    for metric, title in METRICS.items():
        for name in ("challenger", "champion"):
            if found := one.get("estimates", {}).get(name, {}).get(metric):
                yield f"  {title}, {name}: {_estimate(found['aipw'])} by AIPW, {_estimate(found['hajek'])} by Hajek"


def _estimate(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return "not known"
    return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
