"""The rows of a request for predictions, and of its answer, as TensorFlow Serving's REST API has them."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from serving.gateway.records.frames import Passed
from serving.records.row import RecordedRow, Value, number_text, utc_text

_MOST_INFLATED = 64 << 20
_ONLY_INPUT = "instance"
"""The name of a feature that was sent without one."""


class NoRowsError(Exception):
    """A request and its answer do not have the same rows."""


def rows_of(passed: Passed, version: str, without: Collection[str]) -> list[RecordedRow]:
    """The rows of a request that was answered well.

    Args:
        passed: The request and its answer.
        version: The version that answered.
        without: Features that are left out.

    Raises:
        NoRowsError: It cannot be read as rows.
    """
    try:
        body = _inflated(passed.request) if passed.gzipped else passed.request
        asked = [*_instances(json.loads(body.decode("utf-8", "replace")))]
        answered = [*_predictions(json.loads(passed.answer))]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error) as error:
        raise NoRowsError from error
    if len(asked) != len(answered):
        raise NoRowsError
    time = utc_text(passed.time)
    return [
        RecordedRow(
            time,
            passed.request_id,
            number,
            passed.model,
            version,
            _number(answer.get("probability")),
            _text(answer.get("label")),
            None,
            {name: _plain(value) for name, value in instance.items() if name not in without},
        )
        for number, (instance, answer) in enumerate(zip(asked, answered, strict=True), start=1)
    ]


def _inflated(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    found = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, _MOST_INFLATED)
    if len(found) >= _MOST_INFLATED:
        raise ValueError("too large")
    return found


def _instances(body: Any) -> Iterator[Mapping[str, Any]]:
    if "instances" in body:
        for instance in body["instances"]:
            yield instance if isinstance(instance, dict) and set(instance) != {"b64"} else {_ONLY_INPUT: instance}
    else:
        yield from _rows_of_columns(body["inputs"])


def _predictions(body: Any) -> Iterator[Mapping[str, Any]]:
    if "predictions" in body:
        for found in body["predictions"]:
            yield found if isinstance(found, dict) else {"probability": found}
    else:
        found = body["outputs"]
        yield from _rows_of_columns(found if isinstance(found, dict) else {"probability": found})


def _rows_of_columns(columns: Any) -> Iterator[Mapping[str, Any]]:
    given = columns if isinstance(columns, dict) and set(columns) != {"b64"} else {_ONLY_INPUT: columns}
    lists = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    for values in zip(*lists.values(), strict=True):
        yield dict(zip(lists, values, strict=True))


def _plain(value: Any) -> Value:
    """A value as a number or a text; a tensor of one value is that value."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e308 or value != value else str(value)
    return json.dumps(value)


def _number(value: Any) -> float | None:
    found = _plain(value)
    return found if isinstance(found, float) and math.isfinite(found) else None


def _text(value: Any) -> str | None:
    found = _plain(value)
    return found if found is None or isinstance(found, str) else number_text(found)
