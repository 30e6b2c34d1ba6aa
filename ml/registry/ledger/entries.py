"""What a line of the ledger must be: an object with an event, a time and a run, and fields of the right types."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

INTENT, PUBLISHED, CONFIRMED, WITHDRAWN = "intent", "published", "confirmed", "withdrawn"
REJECTED, KEPT, SAME, WITHHELD = "rejected", "kept", "same", "withheld"
ROLLBACK, RESTORED = "rollback", "restored"
ADOPTED, SEALED, CHAINED = "adopted", "sealed", "chained"
LOOKED, CHALLENGED = "looked", "challenged"
TRIGGERED = "triggered"
"""A retraining began because of what the monitoring found."""
SCHEMA, PROBATION = "schema", "probation"
PASSED, BREACHED = "passed", "breached"
"""How a probation ends."""
QUARANTINED, RELEASED = "quarantined", "released"
WAITING, APPROVED, REFUSED, OVERRIDDEN = "waiting", "approved", "refused", "overridden"
EVENTS = (
    *(INTENT, PUBLISHED, CONFIRMED, WITHDRAWN, REJECTED, KEPT, SAME, WITHHELD),
    *(ROLLBACK, RESTORED, ADOPTED, SEALED, CHAINED, LOOKED, CHALLENGED),
    *(SCHEMA, PROBATION, QUARANTINED, RELEASED),
    *(WAITING, APPROVED, REFUSED, OVERRIDDEN),
    TRIGGERED,
)
"""All kinds of events, in the order in which people read them."""

NEVER_PUBLISHED = "it was never completely published"
"""Why a version is withdrawn whose writer died before the rename: nothing was found against its bytes."""

LARGEST_VERSION = (1 << 63) - 1
"""The largest version number that TensorFlow Serving takes."""

Check = Callable[[Any], bool]


def parsed_entry(line: bytes) -> dict[str, Any]:
    """Return the entry that a line holds.

    Raises:
        ValueError: It is not JSON, not an object, nested too deeply, or a field is missing or of the wrong type.
    """
    try:
        entry = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    event = entry.get("event")
    required = {"event", "at", "run_id", *(_NEEDED.get(event, ()) if isinstance(event, str) else ())}
    missing = sorted(required - entry.keys())
    if missing:
        raise ValueError(f"without {', '.join(missing)}")
    for name, (check, kind) in _FIELDS.items():
        if name in entry and not check(entry[name]):
            raise ValueError(f"{name} is not {kind}")
    return entry


def is_version(value: Any) -> bool:
    """Return whether the value is a version number: an integer from 1 to 2^63-1."""
    return type(value) is int and 1 <= value <= LARGEST_VERSION


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_day(value: Any) -> bool:
    try:
        return isinstance(date.fromisoformat(value), date)
    except (TypeError, ValueError):
        return False


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_level(value: Any) -> bool:
    return type(value) is float and 0 < value < 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_version_or_none(value: Any) -> bool:
    return value is None or is_version(value)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(v is None or type(v) in (int, float) for v in value.values())


def _is_texts_by_version(value: Any) -> bool:
    return isinstance(value, dict) and all(
        key.isascii() and key.isdecimal() and len(key) < 20 and is_version(int(key)) and _is_text(text)
        for key, text in value.items()
    )


_NEEDED = {
    INTENT: ("version", "model_sha256"),
    PUBLISHED: ("version",),
    CONFIRMED: ("version",),
    WITHDRAWN: ("version",),
    ROLLBACK: ("from", "target", "result", "withdraws"),
    RESTORED: ("version",),
    ADOPTED: ("version", "model_sha256"),
    SEALED: ("records",),
    CHAINED: ("lines", "lines_sha256"),
    LOOKED: ("holdout", "evaluation_sha256"),
    CHALLENGED: ("model_sha256", "champion", "of_run", "alpha"),
    SCHEMA: ("number", "schema_sha256", "previous_sha256", "reason"),
    PROBATION: ("version", "outcome", "reason"),
    QUARANTINED: ("model_sha256", "reason"),
    RELEASED: ("reason",),
    WAITING: ("model_sha256",),
    APPROVED: ("model_sha256", "reason"),
    REFUSED: ("model_sha256", "reason"),
    OVERRIDDEN: ("model_sha256", "reason", "until"),
    TRIGGERED: ("day", "findings"),
}
"""What the events have besides `event`, `at` and `run_id`. An event of a newer version of this code needs no more."""

_TEXT, _VERSION = (_is_text, "a text"), (is_version, "a version number")
_OPTIONAL_VERSION = (_is_version_or_none, "a version number or null")
_FIELDS: dict[str, tuple[Check, str]] = {
    **dict.fromkeys(("event", "run_id", "who", "reason", "source", "source_kind", "server", "fingerprint"), _TEXT),
    **dict.fromkeys(
        ("model_sha256", "record_sha256", "data_sha256", "schema_sha256", "settings_sha256", "code_sha256"), _TEXT
    ),
    "base_sha256": _TEXT,
    "outcome_rows": (_is_count, "a number of rows"),
    **dict.fromkeys(("previous", "lines_sha256", "previous_sha256", "seed_sha256"), _TEXT),
    **dict.fromkeys(("number", "schema_number"), (_is_count, "a number of a schema")),
    **dict.fromkeys(("holdout", "recipe", "decision", "stand_in", "anchor_sha256", "evaluation_sha256"), _TEXT),
    "outcome": _TEXT,
    "of_run": _TEXT,
    "alpha": (_is_level, "a level between 0 and 1"),
    **dict.fromkeys(("better_than", "trigger"), _TEXT),
    "day": (_is_day, "a day, such as 2026-01-31"),
    "findings": (_is_texts_by_name, "an object of texts"),
    **dict.fromkeys(("line", "lines"), (_is_count, "a number of lines")),
    **dict.fromkeys(("at", "until"), (_is_time, "a time with its zone, such as 2026-01-31T03:00:00+00:00")),
    "asked_from": (_is_text, "a text"),
    **dict.fromkeys(("version", "rollback_of", "replaces"), _VERSION),
    **dict.fromkeys(("champion", "from", "target", "result", "anchor", "baseline"), _OPTIONAL_VERSION),
    **dict.fromkeys(("reasons", "codes", "faults"), (_is_texts, "a list of texts")),
    **dict.fromkeys(("metrics", "champion_metrics"), (_is_numbers, "an object of numbers")),
    **dict.fromkeys(
        ("withdraws", "records", "quarantines"), (_is_texts_by_version, "an object of texts by version number")
    ),
}
