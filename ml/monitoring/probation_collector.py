"""Samples of the probation of the version that should be serving."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ml.monitoring.state_collectors import Sample, require_directory, timestamp_of
from ml.probation.item import BREACHED, RESULTS
from ml.probation.last_check import read_last_check
from ml.probation.period import ON, STATES, period_of_champion
from ml.registry.ledger.entries import PROBATION
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root

NONE = "none"


def collect_probation(root: Root, hours: float) -> Iterator[Sample]:
    """Yield the state of the probation, when it was checked and what was found, and when one was broken last.

    Args:
        root: Where the ledger and the last check are.
        hours: How long a probation lasts, as `probation.hours` says it.

    Raises:
        SettingsError: The root is not a directory.
        FinalError: A line of the ledger is not JSON.
    """
    require_directory(root)
    ledger = Ledger(root.ledger)
    period = period_of_champion(ledger, hours=hours, now=datetime.now(UTC))
    state = period.state if period else NONE
    for name in (NONE, *STATES):
        yield Sample("retrain_probation", float(name == state), (name,))
    broken = [e for e in ledger.events() if e["event"] == PROBATION and e["outcome"] == BREACHED]
    if broken:
        yield Sample("retrain_probation_breached_timestamp_seconds", timestamp_of(broken[-1]))
    if period is None:
        return
    check = read_last_check(root, period.version.number)
    if period.state == ON:
        yield Sample("retrain_probation_until_timestamp_seconds", period.until.timestamp())
        answered = check.answered if check and check.answered else period.confirmed
        yield Sample("retrain_probation_answered_timestamp_seconds", answered.timestamp())
    for item in check.items if check else ():
        for result in RESULTS:
            yield Sample("retrain_probation_item", float(item.result == result), (item.name, result.replace(" ", "_")))
