"""What changed since the version that served before, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.audit.common_rows import common
from ml.audit.compare import compare
from ml.audit.subject import Subject
from ml.evaluation.list_change import ListChange, list_change
from ml.evaluation.scored_rows import ScoredRows
from ml.reports.card.material import Material, Part
from ml.reports.look.section import Section
from ml.reports.look.words import counted, data_words, named, signed

MOST_SETTINGS = 5


def changes_part(of: Material) -> Part:
    """Return the part of the card."""
    if of.before is None:
        return Part(Section("changed", "What changed", ["No version served before it."]), {"before": None})
    assert of.before.version is not None  # noqa: S101 - it was asked for by its number
    number = of.before.version.number
    answer = compare(of.before, of.subject)
    damaged = [name for name, found in zip(answer["of"], answer["damage"], strict=True) if found]
    if damaged:
        answer["differences"] = {}
    change = _list_change(of, of.before) if answer["differences"] else None
    made_of = {name: both[0] == both[1] for name, both in answer["made_of"].items() if None not in both}
    numbers = {
        "before": number,
        "damaged": damaged,
        "same_bytes": made_of.get("model_sha256"),
        "data": answer["data"],
        "settings": answer["settings"],
        "schema_lines": len(answer["schema_difference"]),
        "source_files": sorted(answer["sources"] or {}),
        "environment": answer["environment"],
        "AUC": answer["differences"].get("AUC"),
        "list": change.as_dict() if change else None,
    }
    says = [
        *(_damaged(damaged) if damaged else _ranks(numbers["AUC"], number)),
        *([change.sentence(f"version {number}")] if change else []),
        *_made_of(answer, number),
    ]
    return Part(Section("changed", f"What changed since version {number}", says), numbers)


def _damaged(names: list[str]) -> Iterator[str]:
    have = "release record of" if len(names) == 1 else "release records of"
    was = "was" if len(names) == 1 else "were"
    yield f"DAMAGED: the {have} {named(names)} {was} changed, so which of the two ranks customers better is not told."


def _list_change(of: Material, before: Subject) -> ListChange | None:
    if of.rows is None or before.scored_rows is None:
        return None
    places, new, old = common(of.rows, ScoredRows.read(before.scored_rows))
    return list_change(of.rows.rows[places], new, old, threshold=of.threshold)


def _ranks(auc: Mapping[str, float] | None, number: int) -> Iterator[str]:
    if auc is None:
        yield "Which of the two ranks customers better is not known: no customers are kept that both were measured on."
        return
    word = "ranks" if auc["lower"] > 0 or auc["upper"] < 0 else "is not shown to rank"
    side = "better" if auc["lower"] > 0 else "worse" if auc["upper"] < 0 else "better or worse"
    yield (
        f"It {word} customers {side} than version {number}, as far as {auc['rows']:,.0f} customers tell: AUC "
        f"{signed(auc['value'])}, likely {signed(auc['lower'])} to {signed(auc['upper'])}."
    )


def _made_of(answer: Mapping[str, Any], number: int) -> Iterator[str]:
    old, new = answer["data"]
    if old["sha256"] and old["sha256"] == new["sha256"]:
        yield f"It was trained on the same data ({_data(new)})."
    else:
        yield f"Its data are {_data(new)}; those of version {number} were {_data(old)}."
    settings = answer["settings"]
    if settings is None:
        yield "Which settings changed is not recorded."
    elif settings:
        shown = [
            f"{key} is {_value(now)}, was {_value(was)}" for key, (was, now) in [*settings.items()][:MOST_SETTINGS]
        ]
        more = len(settings) - len(shown)
        rest = f"; and {counted(more, 'more setting')} changed" if more else ""
        yield f"{counted(len(settings), 'setting')} changed: {'; '.join(shown)}{rest}."
    else:
        yield "No setting changed."
    if answer["schema_difference"]:
        yield f"The schema changed in {counted(len(answer['schema_difference']), 'line')}."
    if answer["sources"]:
        yield f"{counted(len(answer['sources']), 'source file')} changed."
    for key, (was, now) in (answer["environment"] or {}).items():
        yield f"{key} is {_value(now)}, was {_value(was)}."


def _data(of: Mapping[str, Any]) -> str:
    return data_words(of["source"], of["kind"], of["rows"])


def _value(value: object) -> str:
    return "not set" if value is None else str(value)
