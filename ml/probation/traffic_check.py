"""Whether more questions fail, or answers take longer, than before the promotion."""

from __future__ import annotations

import math
from datetime import datetime

from ml.config.settings import ProbationSettings
from ml.probation.item import BREACHED, ERRORS, LATENCY, NOT_KNOWN, PASSED, Item
from ml.probation.period import Period
from ml.registry.traffic.counters import Counters
from ml.registry.traffic.samples import Sample, traffic_between

CHANCE = 1e-4
"""How rarely chance alone may look like a rise of the errors, in one check; a day has 48, over the same traffic."""


def check_traffic(samples: list[Sample], period: Period, settings: ProbationSettings, *, now: datetime) -> list[Item]:
    """Compare the traffic since the promotion with as long before, from whole stretches between two samples."""
    before = traffic_between(samples, period.published - (now - period.confirmed), period.published, overlaps=True)
    since = traffic_between(samples, period.confirmed, now)
    return [check_errors(before, since, settings), check_latency(before, since, settings)]


def check_errors(before: Counters, since: Counters, settings: ProbationSettings) -> Item:
    """Breached when the share of failed questions rose by more than the setting, and by more than chance explains."""
    if too_few := _too_few(before.questions, since.questions, settings.requests, "questions"):
        return Item(ERRORS, NOT_KNOWN, too_few)
    told = (
        f"{since.failed:,} of {since.questions:,} questions failed since the promotion ({since.failed_share:.2%}), "
        f"{before.failed:,} of {before.questions:,} before ({before.failed_share:.2%})"
    )
    if since.failed_share - before.failed_share <= settings.errors_rise:
        return Item(ERRORS, PASSED, f"{told}.")
    chance = probability_of_as_many(since.failed, since.questions, before.failed, before.questions)
    if chance > CHANCE:
        return Item(ERRORS, PASSED, f"{told}; that can be chance (p = {chance:.1g}).")
    return Item(ERRORS, BREACHED, f"{told}; chance does not explain that (p = {chance:.1g}).")


def check_latency(before: Counters, since: Counters, settings: ProbationSettings) -> Item:
    """Breached when the median answer takes so many times as long as before, and longer than anybody would not notice.

    The median and not the mean or the 99th percentile: one client that sends files of customers moves those, and a
    model that is slow moves all three.
    """
    if too_few := _too_few(before.answered, since.answered, settings.requests, "answers"):
        return Item(LATENCY, NOT_KNOWN, too_few)
    old, new = before.median_ms(), since.median_ms()
    told = f"The median answer takes {new:.1f} ms since the promotion, and took {old:.1f} ms before"
    if new > settings.latency_ms and new > settings.latency_factor * old:
        return Item(LATENCY, BREACHED, f"{told}: more than {settings.latency_factor:g} times as long.")
    return Item(LATENCY, PASSED, f"{told}.")


def probability_of_as_many(failed: int, of: int, failed_before: int, of_before: int) -> float:
    """Return how probable at least `failed` of the failures are among `of` questions if nothing has changed.

    Fisher's exact test, one-sided: the failures of both times are drawn from all questions without return.
    """
    total, successes = of + of_before, failed + failed_before
    whole = _log_choose(total, successes)
    found = 0.0
    for k in range(failed, min(successes, of) + 1):
        term = math.exp(_log_choose(of, k) + _log_choose(of_before, successes - k) - whole)
        found += term
        if term < found * 1e-12:
            break
    return min(found, 1.0)


def _log_choose(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _too_few(before: int, since: int, needed: int, what: str) -> str:
    if min(before, since) >= needed:
        return ""
    return f"{since:,} {what} since the promotion and {before:,} before are known; {needed:,} of each are needed."
