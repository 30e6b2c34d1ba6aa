"""One check of the version on probation, and what follows: nothing yet, it has passed, or it goes."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from ml.config.settings import Settings
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.probation.item import BREACHED, ERRORS, KNOWN_ROWS, LATENCY, NOT_KNOWN, PASSED, TARGET_SHARE, Item, unknown
from ml.probation.known_rows import check_known_rows, obstacle
from ml.probation.last_check import LastCheck, read_last_check
from ml.probation.period import LAPSED, ON, Period, period_of_champion
from ml.probation.traffic_check import check_traffic
from ml.registry.endpoint import endpoint, server_url
from ml.registry.intervention.rollback import rollback
from ml.registry.intervention.rollback_intent import unfinished_rollback
from ml.registry.ledger.entries import PROBATION
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.model_registry import locked_registry
from ml.registry.traffic.samples import read_samples, take_sample
from ml.storage import locks
from ml.storage.root import Root
from serving.client.model_client import ModelServer, ServingError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """What one check came to.

    Attributes:
        version: The version on probation.
        state: "on", "passed" or "breached".
        until: When its time ends, or ended.
        items: What was found; empty when an earlier check had found the breach.
        reason: The breach as a sentence; "" without one.
        restored: The version that serves after a breach; None when nothing was gone back to.
        why_not: Why nothing was gone back to; "" when something was, or had not to be.
    """

    version: int
    state: str
    until: datetime
    items: tuple[Item, ...] = ()
    reason: str = ""
    restored: int | None = None
    why_not: str = ""


def check_probation(root: Root, settings: Settings, *, now: datetime | None = None) -> Checked:
    """Check the version on probation once; after a breach go back to the version before.

    It may be killed at any point and repeated: the breach stands in the ledger before anything is taken back, and a
    rollback that was begun is finished.

    Args:
        root: Where versions, the ledger and the samples are.
        settings: `probation`, `promote`, `confirm` and `serving` are used.
        now: The time, for tests.

    Raises:
        NothingToDoError: No version is on probation.
        TransientError: Another process holds the promotion lock.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    wait = settings.promote.lock_wait_seconds
    # Two checks at once would take each other's questions for traffic.
    with locks.hold(root.path / "probation.lock", who="a check of the probation", wait_seconds=wait):
        ledger = Ledger(root.ledger)
        _finish_rollback(ledger, root, settings)
        period = period_of_champion(ledger, hours=settings.probation.hours, now=now)
        if period is None or period.state not in (ON, BREACHED):
            take_sample(root, settings, now=now)  # the next version will be compared with this traffic
            raise NothingToDoError(UNCHANGED, _why_nothing(period))
        if period.state == BREACHED:  # the check that found it was killed, or had nothing to go back to
            return _go_back(period, (), period.reason, root, settings, is_repeated=True)
        checked = _check(period, root, settings, now)
        breaches = [item.sentence for item in checked.items if item.result == BREACHED]
        if breaches:
            reason = f"Probation of version {period.version.number}: {' '.join(breaches)}"
            _write(period, BREACHED, reason, root, settings)
            return _go_back(period, checked.items, reason, root, settings)
        known = checked.item(KNOWN_ROWS)
        if now >= period.until and known is not None and known.result == PASSED:
            _write(period, PASSED, " ".join(item.sentence for item in checked.items), root, settings)
            return Checked(period.version.number, PASSED, period.until, checked.items)
        return Checked(period.version.number, ON, period.until, checked.items)


def _why_nothing(period: Period | None) -> str:
    if period is None:
        return "No version is on probation."
    if period.state == LAPSED:
        return f"No version is on probation: that of version {period.version.number} lapsed without a check."
    return f"No version is on probation: version {period.version.number} has passed."


def _finish_rollback(ledger: Ledger, root: Root, settings: Settings) -> None:
    intent = unfinished_rollback(ledger)
    if intent is None:
        return
    try:
        rollback(root, settings, target=None, reason=intent.reason, source=intent.source)
    except NothingToDoError:  # somebody else has finished it
        return


def _check(period: Period, root: Root, settings: Settings, now: datetime) -> LastCheck:
    """Ask everything once, and remember what was found.

    Our own questions stand between two samples, so that nobody takes them for traffic.
    """
    number = period.version.number
    before = read_last_check(root, number)
    has_sample = take_sample(root, settings, now=now)
    data_sha256 = before.data_sha256 if before else ""
    with endpoint(root, settings) as server:
        if not server_url(root, settings):  # a private one, which has just begun to load
            with suppress(ServingError):
                server.wait_available(number, deadline=settings.confirm.deadline_seconds)
        items = obstacle(server, period.version, root)
        if not items:
            items = [check_known_rows(server, period.version, root, settings)]
            items += _traffic_items(period, root, settings, now, has_sample=has_sample)
            share, data_sha256 = _share(server, period.version, root, settings, before)
            items.append(share)
    if has_sample:
        take_sample(root, settings, own=True, now=now)
    is_answered = items[0].result == PASSED
    answered = now if is_answered else before.answered if before else None
    found = LastCheck(number, now, answered, tuple(items), data_sha256)
    try:
        found.write(root)
    except OSError as error:  # a full disk must not keep a bad version in service
        log.warning("%s: cannot be written (%s)", root.probation, error)
    for item in items:
        log.log(logging.WARNING if item.result == BREACHED else logging.INFO, "%s: %s", item.name, item.sentence)
    return found


def _traffic_items(period: Period, root: Root, settings: Settings, now: datetime, *, has_sample: bool) -> list[Item]:
    if has_sample:
        return check_traffic(read_samples(root), period, settings.probation, now=now)
    url = server_url(root, settings)
    why = f"{url} shows no metrics page." if url else "No model server is configured or running."
    return unknown((ERRORS, LATENCY), why)


def _share(
    server: ModelServer, version: Version, root: Root, settings: Settings, before: LastCheck | None
) -> tuple[Item, str]:
    """Score the newest customers, or say what was found when the version scored the same ones before.

    The answers are those of the same model; whether it has changed is what the known rows tell at each check.
    """
    # Only a version on probation pays for tables and numbers: most checks have nothing to check.
    from ml.probation.newest_data import newest_data
    from ml.probation.target_share import check_target_share

    data = newest_data(root, version)
    if data is None:
        return Item(TARGET_SHARE, NOT_KNOWN, "No data are kept that were accepted."), ""
    known = before.item(TARGET_SHARE) if before and before.data_sha256 == data.sha256 else None
    if known is not None and known.result != NOT_KNOWN:
        return known, data.sha256
    release = root.release(version.number)
    item = check_target_share(server, version.number, release, data, margin=settings.probation.share_margin)
    return item, data.sha256


def _write(period: Period, outcome: str, reason: str, root: Root, settings: Settings) -> None:
    """Write the end of the probation into the ledger, unless another version came meanwhile.

    A broken chain of the ledger does not keep a bad version in service.
    """
    is_breach = outcome == BREACHED
    with locked_registry(root, settings, who="the probation", emergency=is_breach) as registry:
        registry.prepare()
        champion = registry.ledger.champion()
        number = period.version.number
        if champion is None or champion.number != number or registry.ledger.pending():
            raise NothingToDoError(UNCHANGED, f"Version {number} is not the last version any more.")
        registry.ledger.append(PROBATION, run_id=period.version.run_id, version=number, outcome=outcome, reason=reason)


def _go_back(
    period: Period, items: tuple[Item, ...], reason: str, root: Root, settings: Settings, *, is_repeated: bool = False
) -> Checked:
    number = period.version.number
    try:
        restored = rollback(root, settings, target=None, reason=reason, source=number)
    except NothingToDoError:
        raise
    except FinalError as error:
        if is_repeated:  # it was said when it was found, and the alert goes on saying it
            what = f"Version {number} broke its probation and still serves: {error.what}"
            raise NothingToDoError(UNCHANGED, what) from error
        return Checked(number, BREACHED, period.until, items, reason, None, str(error))
    return Checked(number, BREACHED, period.until, items, reason, restored.number)
