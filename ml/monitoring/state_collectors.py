"""Samples of the state outside the runs: of the ledger, the model server and the disk.

Everything is read anew at each call. What is not known is left out, never guessed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ml.errors import SettingsError
from ml.registry.ledger.chain import head_number
from ml.registry.ledger.entries import CONFIRMED, EVENTS, REJECTED
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.approvals import overrides, waiting_runs
from ml.registry.policy.provenance import is_sample
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.schemas.in_force import entry_in_force
from ml.storage.root import Root
from serving.client import model_metadata
from serving.client.model_client import ModelServer, Refused

STATES = ("start", "loading", "available", "unloading", "end", "failed")


class Sample(NamedTuple):
    """One value of a metric family; `labels` are in the order in which the family declares their names."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


class Skipped(NamedTuple):
    """A file, or a value in it, that could not be read: where it is, and what is wrong with it."""

    where: Path
    why: str


def collect_ledger(root: Root) -> Iterator[Sample]:
    """Yield what was promoted and when, what was rejected since, how often each event happened, and the ledger's head.

    Raises:
        SettingsError: The root is not a directory.
        FinalError: A line of the ledger is not JSON.
    """
    require_directory(root)
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    yield Sample("retrain_promoted_version", champion.number if champion else 0)
    if champion:
        yield Sample("retrain_promoted_timestamp_seconds", timestamp_of(champion.last))
        yield Sample("retrain_promoted_sample", float(is_sample(champion)))
    yield Sample("retrain_pending_versions", len(ledger.pending()))
    hold = ledger.hold()
    yield Sample("retrain_hold_until_timestamp_seconds", hold.until.timestamp() if hold else 0)
    yield Sample("retrain_quarantined_models", len(quarantine_of(ledger.events()).models))
    chain = ledger.chain()
    yield Sample("retrain_ledger_entries", chain.head.lines)
    yield Sample("retrain_ledger_head", head_number(chain.head))
    yield Sample("retrain_ledger_faults", len(chain.faults))
    yield Sample("retrain_schema_number", entry_in_force(ledger.events()).get("number", 0))
    yield from _decisions(ledger.events(), champion.number if champion else None)
    events = [event["event"] for event in ledger.events()]
    counts = Counter(events)
    for event in EVENTS:
        yield Sample("retrain_ledger_events_total", counts[event], (event,))
    since = len(events) - events[::-1].index(CONFIRMED) if CONFIRMED in events else 0
    yield Sample("retrain_consecutive_rejections", events[since:].count(REJECTED))


def _decisions(events: list[dict[str, Any]], champion: int | None) -> Iterator[Sample]:
    waiting = [timestamp_of(event) for event in waiting_runs(events, champion=champion)]
    lapses = [datetime.fromisoformat(event["until"]).timestamp() for event in overrides(events, now=datetime.now(UTC))]
    yield Sample("retrain_waiting_runs", len(waiting))
    if waiting:
        yield Sample("retrain_waiting_since_timestamp_seconds", min(waiting))
    yield Sample("retrain_overrides", len(lapses))
    if lapses:
        yield Sample("retrain_override_lapses_timestamp_seconds", min(lapses))


def collect_server(server: ModelServer, root: Root) -> Iterator[Sample]:
    """Yield which version serves, and how many versions the server has in each state.

    Raises:
        Unreachable: Nothing answers.
    """
    try:
        statuses = server.versions()
    except Refused:  # it answers, and has never heard of the model
        statuses = []
    # The server remembers a failure after the version is gone (withdrawn); that hurts nobody any more.
    states = Counter(
        "failed" if s.error_code != "OK" and root.version(server.model, s.version).is_dir() else s.state.lower()
        for s in statuses
    )
    for state in STATES:
        yield Sample("retrain_server_versions", states[state], (state,))
    served = max((s.version for s in statuses if s.state == "AVAILABLE"), default=0)
    yield Sample("retrain_served_version", served)
    if served:
        yield Sample("retrain_served_sample", float(_is_sample(server, served, root)))


def _is_sample(server: ModelServer, served: int, root: Root) -> bool:
    """Return whether the served version is one of made-up customers, by its metadata or, for an older one, the ledger.

    The server may be of another root, so what it says comes first; but older models say nothing themselves.
    """
    try:
        if model_metadata.is_sample(server.metadata(served)):
            return True
    except Refused:  # it was unloaded just now
        pass
    return is_sample(Ledger(root.ledger).versions().get(served))


def collect_disk(root: Root) -> Iterator[Sample]:
    """Yield the space on the volume of the models and, where that is another one, of everything else.

    Raises:
        SettingsError: The root is not a directory.
    """
    require_directory(root)
    seen = set()
    for volume, path in (("models", root.models), ("root", root.path)):
        if not path.is_dir() or path.stat().st_dev in seen:
            continue
        seen.add(path.stat().st_dev)
        disk = os.statvfs(path)
        # Of what an ordinary user may have: the blocks reserved for root are as good as used.
        used = disk.f_blocks - disk.f_bfree
        yield Sample("retrain_disk_free_bytes", disk.f_bavail * disk.f_frsize, (volume,))
        yield Sample("retrain_disk_size_bytes", (used + disk.f_bavail) * disk.f_frsize, (volume,))


def require_directory(root: Root) -> None:
    """Raise `SettingsError` unless the root is a directory."""
    if not root.path.is_dir():  # nothing there would look like a healthy first start
        raise SettingsError(
            f"{root.path}: is not a directory.", "Mount it, or name another with --root or RETRAIN_ROOT."
        )


def timestamp_of(event: Mapping[str, Any]) -> float:
    """Return when an event of the ledger was written, in seconds since 1970."""
    return datetime.fromisoformat(event["at"]).timestamp()
