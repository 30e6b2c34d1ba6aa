"""Samples of what the runs left behind: what they came to, and what the last steps of each kind found.

A file may have been edited, written by another version of this code, or half lost by a disk: then what the file, or the
value in it, would have said is missing, and nothing else.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.monitoring.state_collectors import Sample, Skipped, require_directory, timestamp_of
from ml.pipeline.outcome import OUTCOME_OF_EVENT, OUTCOMES
from ml.pipeline.run import frozen_schema
from ml.pipeline.run_record import RunRecord, runs
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import read_json
from ml.storage.root import Root

ALL = "all"
CLOCK_SECONDS = 300.0
"""So far ahead of this machine's clock may the one be that wrote a time."""
# Raised by a list where a mapping should be, a name that is missing, or a number that is text.
_DAMAGE = (FinalError, OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError)


Samples = Iterator[Sample | Skipped]


def collect_runs(root: Root) -> Samples:
    """Yield what the last runs came to, and what the last steps of each kind found.

    Raises:
        SettingsError: The root is not a directory.
    """
    require_directory(root)
    records = runs(root)
    for record in records:
        yield from (Skipped(path, why) for path, why in record.damaged.items())
    yield from _ends(root, records)
    yield from _validation(records)
    yield from _training(records)
    yield from _verdict(records)
    yield from _reports(root)


def _ends(root: Root, records: list[RunRecord]) -> Samples:
    last_at: dict[str, float] = {}
    latest = time.time() + CLOCK_SECONDS
    try:
        for event in Ledger(root.ledger).events():  # it outlives the runs' files
            at = timestamp_of(event)
            if event["event"] not in OUTCOME_OF_EVENT:
                continue
            if at > latest:
                yield Skipped(root.ledger, f"the time of run {event['run_id']} lies in the future: {event['at']}")
            else:
                last_at[OUTCOME_OF_EVENT[event["event"]]] = at
    except _DAMAGE as error:
        yield _skipped(root.ledger, error)
    ended = [(one, one.outcome, one.ended_at) for one in records if one.outcome and one.ended_at is not None]
    for one, outcome, at in ended:
        if at > latest:  # as the last result, it would hide for as long that nothing happens any more
            yield Skipped(one.directory, "its results are from the future: a clock was wrong")
        else:
            last_at[outcome] = max(at, last_at.get(outcome, 0.0))
    for outcome, at in last_at.items():
        yield _sample(root.runs, "retrain_last_result_timestamp_seconds", at, outcome)
    if not ended:
        return
    last, outcome, _ = max(ended, key=lambda one: (one[0].recency[0], one[2]))
    for known in dict.fromkeys((*OUTCOMES, outcome)):
        yield _sample(last.directory, "retrain_last_run_outcome", float(known == outcome), known)
    for step, result in last.results.items():
        yield _sample(last.result(step), "retrain_last_step_seconds", result.get("seconds"), step)


def _validation(records: list[RunRecord]) -> Samples:
    found = []
    for record in records:
        for path in (record.directory / "validate" / "validation.json", record.directory / "validation.json"):
            with suppress(FileNotFoundError, NotADirectoryError):  # of the run, or retention has just removed it
                found.append((record.recency[0], path.stat().st_mtime, path, record.directory))
    if found:
        *_, path, run = max(found)
        yield from _from_file(path, _anomalies, _customers, partial(_drift, run))


def _anomalies(path: Path, report: Any) -> Samples:
    blocks = Counter(bool(finding["blocks"]) for finding in report["findings"])
    yield _sample(path, "retrain_anomalies", blocks[True], "blocking")
    yield _sample(path, "retrain_anomalies", blocks[False], "warning")


def _customers(path: Path, report: Any) -> Samples:
    yield _sample(path, "retrain_rows", report["rows"], ALL)


def _drift(run: Path, path: Path, report: Any) -> Samples:
    for feature, distance in report["drift"].items():
        yield _sample(path, "retrain_drift", distance, feature)
    thresholds = frozen_schema(run).drift_thresholds
    for feature in report["drift"]:
        if feature in thresholds:
            yield _sample(path, "retrain_drift_threshold", thresholds[feature], feature)


def _training(records: list[RunRecord]) -> Samples:
    for record in _that_made(records, "transform")[:1]:
        for split in ("train", "eval"):
            rows = record.artifact("transform").get(f"{split}_rows")
            yield _sample(record.result("transform"), "retrain_rows", rows, split)
    for record in _that_made(records, "train")[:1]:
        for name in ("epochs", "loss"):
            yield _sample(record.result("train"), f"retrain_{name}", record.artifact("train").get(name))


def _verdict(records: list[RunRecord]) -> Samples:
    """Yield the metrics of the last evaluation, the bounds it was held to, and the reasons of the last verdict."""
    judged = _that_made(records, "judge")
    codes: dict[str, bool] = {}
    for record in judged:
        try:
            for reason in record.artifact("judge")["reasons"]:
                # A reason of the past is 0 and not gone, or its line in a graph would never come down.
                codes.setdefault(reason["code"], record is judged[0])
        except _DAMAGE as error:
            yield _skipped(record.result("judge"), error)
    for code, of_the_last in codes.items():
        yield _sample(judged[0].result("judge"), "retrain_verdict", float(of_the_last), code)
    for record in judged[:1]:
        yield from _from_file(record.directory / "settings.json", _bounds)
        yield from _from_file(record.directory / "evaluate" / "evaluation.json", _metrics)


def _bounds(path: Path, settings: Any) -> Samples:
    for bound in ("at_least", "at_most"):
        for metric, value in settings["judge"].get(bound, {}).items():
            yield _sample(path, "retrain_metric_bound", value, metric, bound)


def _metrics(path: Path, report: Any) -> Samples:
    for part in report["slices"]:
        yield from _guarded(path, partial(_metrics_of_slice, path, part))


def _metrics_of_slice(path: Path, part: Any) -> Samples:
    where = ",".join(f"{feature}={value}" for feature, value in part["slice"].items()) or ALL
    for model in ("candidate", "champion"):
        for metric, value in part.get(model, {}).items():  # null is one that is not defined on these rows
            yield _sample(path, "retrain_metric", math.nan if value is None else value, metric, where, model)


def _reports(root: Root) -> Samples:
    with suppress(FileNotFoundError, NotADirectoryError):  # none has failed yet
        yield Sample("retrain_report_failures_total", root.report_failures.read_bytes().count(b"\n"))
        return
    yield Sample("retrain_report_failures_total", 0)


def _that_made(records: list[RunRecord], step: str) -> list[RunRecord]:
    return [record for record in records if record.artifact(step)]


def _from_file(path: Path, *parts: Callable[[Path, Any], Samples]) -> Samples:
    """Yield what each part makes of the JSON; nothing without the file, since retention may remove a run meanwhile."""
    try:
        content = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except _DAMAGE as error:
        yield _skipped(path, error)
        return
    for part in parts:
        yield from _guarded(path, partial(part, path, content))


def _guarded(path: Path, found: Callable[[], Samples]) -> Samples:
    try:
        yield from found()
    except _DAMAGE as error:
        yield _skipped(path, error)


def _sample(where: Path, name: str, value: Any, *labels: Any) -> Sample | Skipped:
    """Return a sample that the page can show, or say why the value cannot become one."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{str(value)[:50]!r} is not a number")
        for label in labels:
            label.encode()  # a lone surrogate is valid JSON, but not valid UTF-8
        return Sample(name, float(value), labels)
    except _DAMAGE as error:
        return Skipped(where, f"{name}: {error}")


def _skipped(path: Path, error: Exception) -> Skipped:
    return Skipped(path, str(error) if isinstance(error, FinalError) else f"{type(error).__name__}: {error}")
