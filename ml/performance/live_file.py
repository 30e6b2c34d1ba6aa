"""Writes and reads `performance.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any

from ml.errors import FinalError
from ml.performance.estimate import Estimate
from ml.performance.live import (
    LeftOut,
    LivePerformance,
    Measured,
    VersionPerformance,
    WeekPerformance,
    WeekShapley,
)
from ml.storage import files
from ml.storage.root import Root


def write_live_performance(root: Root, performance: LivePerformance) -> None:
    """Write the file, whole or not at all."""
    files.write_json(root.performance, as_json(performance))


def read_live_performance(root: Root) -> LivePerformance | None:
    """Return what was computed last; None when nothing was.

    Raises:
        FinalError: The file is damaged, or was written by other code.
    """
    try:
        return _performance(files.read_json(root.performance))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError, FinalError) as error:
        raise FinalError(
            f"{root.performance}: does not say how versions do ({type(error).__name__}: {error}).",
            "Compute it again: python -m ml performance",
        ) from error


def as_json(one: Any) -> Any:
    """Return a part of the tree as plain JSON values.

    An estimate has `value`, `low`, `high` and `rows`; an end that is not known is null. What is not known has `reason`
    and `rows`.
    """
    if isinstance(one, Measured):
        if not one.is_known:
            return {"rows": one.estimate.rows, "reason": one.reason}
        return as_json(one.estimate)
    if isinstance(one, Estimate):
        ends = {name: getattr(one, name) for name in ("value", "low", "high")}
        return {name: end if math.isfinite(end) else None for name, end in ends.items()} | {"rows": one.rows}
    if isinstance(one, tuple):
        return [as_json(each) for each in one]
    if isinstance(one, Mapping):
        return {name: as_json(each) for name, each in one.items()}
    if isinstance(one, date):  # a datetime is one, too
        return one.isoformat()
    if isinstance(one, LivePerformance | VersionPerformance | WeekPerformance | WeekShapley):
        return {each.name: as_json(getattr(one, each.name)) for each in fields(one)}
    return asdict(one) if isinstance(one, LeftOut) else one


def _performance(content: Mapping[str, Any]) -> LivePerformance:
    newest, newest_list = content["newest_outcome"], content["newest_list"]
    return LivePerformance(
        computed=_time(content["computed"]),
        target=str(content["target"]),
        currency=str(content["currency"]),
        outcomes=int(content["outcomes"]),
        newest_outcome=None if newest is None else _time(newest),
        newest_list=None if newest_list is None else date.fromisoformat(newest_list),
        versions=tuple(_version(one) for one in content["versions"]),
        left={
            str(name): LeftOut(int(one["count"]), tuple(map(str, one["places"])))
            for name, one in content["left"].items()
        },
        unreadable_lines=int(content["unreadable_lines"]),
        unreadable_files=int(content["unreadable_files"]),
    )


def _version(content: Mapping[str, Any]) -> VersionPerformance:
    reference = content["reference_shapley"]
    found: dict[str, Any] = {name: int(content[name]) for name in ("scored", "asked", "with_outcome", "undated")}
    return VersionPerformance(
        version=str(content["version"]),
        is_champion=bool(content["is_champion"]),
        note=str(content["note"]),
        covers_all=bool(content["covers_all"]),
        **found,
        **_measures(VersionPerformance, content),
        weeks=tuple(_week(one) for one in content["weeks"]),
        shapley=tuple(_shapley(one) for one in content["shapley"]),
        reference_shapley=None if reference is None else _shapley(reference),
        fall=str(content["fall"]),
        is_judged=bool(content["is_judged"]),
    )


def _week(content: Mapping[str, Any]) -> WeekPerformance:
    return WeekPerformance(
        str(content["week"]),
        int(content["asked"]),
        int(content["with_outcome"]),
        **_measures(WeekPerformance, content),
    )


def _shapley(content: Mapping[str, Any]) -> WeekShapley:
    mean = {str(name): _estimate(one) for name, one in content["mean"].items()}
    return WeekShapley(str(content["week"]), int(content["rows"]), mean)


def _measures(kind: type[VersionPerformance] | type[WeekPerformance], content: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: _measured(content[each.name]) for each in fields(kind) if each.type == "Measured"}


def _measured(content: Mapping[str, Any]) -> Measured:
    if "value" not in content:
        return Measured.unknown(str(content["reason"]), int(content["rows"]))
    return Measured(_estimate(content))


def _estimate(content: Mapping[str, Any]) -> Estimate:
    value, low, high = (
        math.nan if content[name] is None else float(content[name]) for name in ("value", "low", "high")
    )
    return Estimate(value, low, high, int(content["rows"]))


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
