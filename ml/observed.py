"""What there is to know from outside, as plain numbers: of the ledger, the runs, the model server and the disk.

Everything is read anew at each call. Numbers that are not known are left out, never guessed.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ml.errors import SettingsError
from ml.files import read_json
from ml.ledger import CONFIRMED, INTENT, PUBLISHED, REJECTED, WITHDRAWN, WITHHELD, Ledger
from ml.root import Root
from ml.run_records import OUTCOMES, PROMOTED, RunRecord, runs
from ml.schema import read_schema
from serving.client import ModelServer, Refused

EVENTS = (INTENT, PUBLISHED, CONFIRMED, WITHDRAWN, REJECTED, WITHHELD)
STATES = ("start", "loading", "available", "unloading", "end", "failed")
ALL = "all"
_OUTCOME_OF = {CONFIRMED: PROMOTED, REJECTED: "rejected", WITHHELD: "withheld"}


class Number(NamedTuple):
    """`name` is that of a metric; `labels` are in the order in which that metric declares them."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def of_ledger(root: Root) -> Iterator[Number]:
    """What was promoted and when, what was refused since, and how often what happened.

    Raises:
        SettingsError: The root is no directory; the same for runs and disk.
        FinalError: A line of the ledger is not JSON.
    """
    _must_be_there(root)
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    yield Number("retrain_promoted_version", champion.number if champion else 0)
    if champion:
        yield Number("retrain_promoted_timestamp_seconds", _seconds(champion.last))
    yield Number("retrain_pending_versions", len(ledger.pending()))
    events = [event["event"] for event in ledger.events()]
    counts = Counter(events)
    for event in EVENTS:
        yield Number("retrain_ledger_events_total", counts[event], (event,))
    since = len(events) - events[::-1].index(CONFIRMED) if CONFIRMED in events else 0
    yield Number("retrain_consecutive_rejections", events[since:].count(REJECTED))


def of_runs(root: Root) -> Iterator[Number]:
    """What the last runs came to, and what the last steps of each kind found."""
    _must_be_there(root)
    records = runs(root)
    ended = [(record, *record.end) for record in records if record.end]
    last_at = {_OUTCOME_OF[event["event"]]: _seconds(event) for event in _results(root)}
    for _, outcome, at in ended:
        last_at[outcome] = max(at, last_at.get(outcome, 0.0))
    for outcome, at in last_at.items():
        yield Number("retrain_last_result_timestamp_seconds", at, (outcome,))
    if ended:
        last, outcome, _ = max(ended, key=lambda one: one[2])
        for known in dict.fromkeys((*OUTCOMES, outcome)):
            yield Number("retrain_last_run_outcome", float(known == outcome), (known,))
        for step, result in last.results.items():
            if isinstance(result.get("seconds"), int | float):
                yield Number("retrain_last_step_seconds", result["seconds"], (step,))
    yield from _validation(records)
    yield from _training(records)
    yield from _verdict(records)


def of_server(server: ModelServer, root: Root) -> Iterator[Number]:
    """Which version serves, and in which states the server has versions.

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
        yield Number("retrain_server_versions", states[state], (state,))
    yield Number("retrain_served_version", max((s.version for s in statuses if s.state == "AVAILABLE"), default=0))


def of_disk(root: Root) -> Iterator[Number]:
    """Room on the volume of the models and, where that is another one, of everything else."""
    _must_be_there(root)
    seen = set()
    for volume, path in (("models", root.models), ("root", root.path)):
        if not path.is_dir() or path.stat().st_dev in seen:
            continue
        seen.add(path.stat().st_dev)
        disk = os.statvfs(path)
        # Of what an ordinary user may have: the blocks reserved for root are as good as used.
        used = disk.f_blocks - disk.f_bfree
        yield Number("retrain_disk_free_bytes", disk.f_bavail * disk.f_frsize, (volume,))
        yield Number("retrain_disk_size_bytes", (used + disk.f_bavail) * disk.f_frsize, (volume,))


def _must_be_there(root: Root) -> None:
    if not root.path.is_dir():  # nothing there would look like a healthy first start
        raise SettingsError(f"{root.path}: is no directory.", "Mount it, or name another with --root or RETRAIN_ROOT.")


def _results(root: Root) -> Iterator[Mapping[str, Any]]:
    """The events of the ledger that end a run; they outlive the runs' files."""
    return (event for event in Ledger(root.ledger).events() if event["event"] in _OUTCOME_OF)


def _validation(records: list[RunRecord]) -> Iterator[Number]:
    found = []
    for record in records:
        for path in (record.directory / "validate" / "validation.json", record.directory / "validation.json"):
            with suppress(FileNotFoundError, NotADirectoryError):  # of the run, or retention has just removed it
                found.append((path.stat().st_mtime, path))
    report = _read_if_there(max(found)[1]) if found else None
    if report is None:
        return
    blocks = Counter(bool(finding["blocks"]) for finding in report["findings"])
    yield Number("retrain_anomalies", blocks[True], ("blocking",))
    yield Number("retrain_anomalies", blocks[False], ("warning",))
    yield Number("retrain_rows", report["rows"], (ALL,))
    thresholds = _drift_thresholds()
    for feature, distance in report["drift"].items():
        yield Number("retrain_drift", distance, (feature,))
        if feature in thresholds:
            yield Number("retrain_drift_threshold", thresholds[feature], (feature,))


def _drift_thresholds() -> dict[str, float]:
    found = {}
    for feature in read_schema().feature:
        comparator = feature.drift_comparator
        for distance in (comparator.infinity_norm, comparator.jensen_shannon_divergence):
            if distance.threshold:
                found[feature.name] = float(distance.threshold)
    return found


def _training(records: list[RunRecord]) -> Iterator[Number]:
    examples = _last_artifact(records, "transform")
    for split in ("train", "eval"):
        if f"{split}_rows" in examples:
            yield Number("retrain_rows", examples[f"{split}_rows"], (split,))
    model = _last_artifact(records, "train")
    if model:
        yield Number("retrain_epochs", model["epochs"])
        yield Number("retrain_loss", model["loss"])


def _verdict(records: list[RunRecord]) -> Iterator[Number]:
    """Metrics of the last evaluation beside the bounds it was held to, and the reasons of the last verdict."""
    judged = [record for record in records if record.artifact("judge")]
    if not judged:
        return
    last = judged[0]
    codes = {reason["code"] for reason in last.artifact("judge")["reasons"]}
    # A reason of the past is 0 and not gone, or its line in a graph would never come down.
    for code in sorted(codes | {r["code"] for record in judged for r in record.artifact("judge")["reasons"]}):
        yield Number("retrain_verdict", float(code in codes), (code,))
    judge = (_read_if_there(last.directory / "settings.json") or {"judge": {}})["judge"]
    for bound in ("at_least", "at_most"):
        for metric, value in judge.get(bound, {}).items():
            yield Number("retrain_metric_bound", float(value), (metric, bound))
    report = _read_if_there(last.directory / "evaluate" / "evaluation.json")
    for part in report["slices"] if report else []:
        where = ",".join(f"{feature}={value}" for feature, value in part["slice"].items()) or ALL
        for model in ("candidate", "champion"):
            for metric, value in part.get(model, {}).items():
                yield Number("retrain_metric", math.nan if value is None else float(value), (metric, where, model))


def _read_if_there(path: Path) -> Any:
    """Its JSON; None without the file: retention may remove a run between two looks at it."""
    try:
        return read_json(path)
    except FileNotFoundError:
        return None


def _last_artifact(records: list[RunRecord], step: str) -> Mapping[str, Any]:
    return next((record.artifact(step) for record in records if record.artifact(step)), {})


def _seconds(event: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()
