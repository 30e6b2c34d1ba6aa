"""Computes how each version does with real customers, from the record, the lists and the outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np

from ml.config.settings import Settings
from ml.feedback.measures import measure
from ml.feedback.reading import Feedback
from ml.feedback.release_facts import ReleaseFacts, read_release_facts
from ml.performance.asked import Floats
from ml.performance.customers import Customers
from ml.performance.fallen import fallen, is_judged
from ml.performance.joined import Joined, join
from ml.performance.live import LeftOut, LivePerformance, VersionPerformance
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root

TRAFFIC_WEEKS = 4
"""So many of the last weeks with requests are the traffic of which the share of targets is told."""
_PLACES = 5


def live_performance(root: Root, settings: Settings, feedback: Feedback, *, now: datetime) -> LivePerformance:
    """Compute how each version does.

    Args:
        root: Where the releases are.
        settings: The target and the money are theirs.
        feedback: What happened.
        now: The time.
    """
    target = "/".join(settings.target.positive_segments)
    facts: Callable[[str], ReleaseFacts] = cache(lambda version: read_release_facts(root, version))
    joined = join(
        feedback.scored,
        feedback.told,
        target=target,
        calibrated=lambda version, score: facts(version).calibrated(score),
    )
    champion = Ledger(root.ledger).champion()
    serving = str(champion.number) if champion else ""
    numbers = sorted({*joined.customers, *([serving] if serving else [])}, key=int, reverse=True)
    newest = max((told.received for told in feedback.told), default=None)
    return LivePerformance(
        computed=now.astimezone(UTC),
        target=target,
        currency=settings.economics.currency if settings.economics.is_set else "",
        outcomes=len(feedback.told),
        newest_outcome=None if newest is None else datetime.fromisoformat(newest),
        newest_list=max((one.day for one in feedback.scored if one.propensity is not None and one.day), default=None),
        versions=tuple(
            _judged(
                measure(
                    number,
                    joined.customers.get(number, Customers.none()),
                    facts(number),
                    traffic=_traffic(feedback, number),
                    economics=settings.economics,
                    is_champion=number == serving,
                ),
                _settled(joined.customers.get(number), now.date() - timedelta(days=settings.feedback.settled_days)),
                facts(number),
                settings,
            )
            for number in numbers
        ),
        left=_left(joined),
        unreadable_lines=feedback.unreadable.lines,
        unreadable_files=feedback.unreadable.files,
    )


def _settled(customers: Customers | None, until: date) -> Customers:
    """Return the customers of lists up to a day. A list that came back without a date may be of today."""
    if customers is None:
        return Customers.none()
    return customers.of(customers.day <= np.datetime64(until))  # false where there is no day


def _judged(
    version: VersionPerformance, settled: Customers, facts: ReleaseFacts, settings: Settings
) -> VersionPerformance:
    """Return the version with whether it has fallen.

    Who has bought says so at once or weeks later, and who has not is soon known: of a new list more others than targets
    have told, and any version would have fallen.
    """
    found = measure(
        version.version, settled, facts, traffic=np.zeros(0), economics=settings.economics, is_champion=False
    )
    return replace(version, fall=fallen(found) or "", is_judged=is_judged(found))


def _traffic(feedback: Feedback, version: str) -> Floats:
    weeks = feedback.traffic.weeks(version)[-TRAFFIC_WEEKS:]
    rows = [row for week in weeks for row in feedback.traffic.rows(version, week)]
    return np.array([row.probability for row in rows], np.float64)


def _left(joined: Joined) -> dict[str, LeftOut]:
    return {name: LeftOut(len(places), tuple(places[:_PLACES])) for name, places in vars(joined.left).items()}
