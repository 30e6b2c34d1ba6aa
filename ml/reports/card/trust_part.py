"""Where not to trust the model: weak slices, missing values, categories that it does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.slices import MISSING
from ml.reports.card.material import Material, Part
from ml.reports.card.weak_slices import FEWEST_ROWS, Search, WeakSlice, weak_slices
from ml.reports.look.plot import Table
from ml.reports.look.section import Section
from ml.reports.look.words import counted, named, percent, with_percent

MOST_NAMED = 5
Columns = Mapping[str, NDArray[np.object_]]


def trust_part(of: Material) -> Part:
    """Return the part of the card."""
    title = "Where not to trust it"
    if of.features is None:
        why = (
            "Its data or its evaluation rows are not kept or were changed, so weak groups and missing values could "
            "not be looked for."
        )
        return Part(Section("trust", title, [why, *_inputs_say(of, None)]))
    assert of.rows is not None  # noqa: S101 - the features are those of the rows
    place, columns = of.features
    if not len(place):
        why = "None of its measured customers is found in its data, so weak groups and missing values are not known."
        return Part(Section("trust", title, [why, *_inputs_say(of, None)]))
    right = of.right[place]
    search = weak_slices(columns, right, of.rows.profiles[place])
    shown = worth_naming(search)
    missing = _missing(columns, right)
    unknown = _unknown(of, columns)
    numbers = {
        "measured": len(place),
        "groups_looked_at": search.looked_at,
        "weak": [asdict(one) for one in search.weak],
        "named": [one.selected_by for one in shown],
        "missing": missing,
        "known_categories": {name: one.values for name, one in of.inputs.items() if one.values is not None},
        "unknown": unknown,
    }
    says = [
        *_shortfall(len(place), len(of.looked_for), len(of.right)),
        *_weak_say(search, shown, len(place)),
        *_missing_says(missing),
        *_inputs_say(of, unknown),
    ]
    return Part(Section("trust", title, says, list(_tables(shown, missing))), numbers)


def _shortfall(found: int, looked_for: int, measured: int) -> Iterator[str]:
    if looked_for < measured:
        yield f"This part is about {looked_for:,} of the {measured:,} measured customers, drawn by chance."
    if found < looked_for:
        yield f"Only {found:,} of {looked_for:,} measured customers are found in its data; this part is about those."


def worth_naming(search: Search) -> list[WeakSlice]:
    """Return the weakest slice and the surest others, at most `MOST_NAMED` in all; no pair that says nothing more.

    The weakest of those that say more comes first, so that what the card says of it is true of all that it names.
    """
    telling = [one for one in search.weak if one.says_more]
    if not telling:
        return []
    weakest = min(telling, key=lambda one: one.accuracy)
    others = [one for one in telling if one is not weakest][: MOST_NAMED - 1]
    return [weakest, *sorted(others, key=lambda one: one.accuracy)]


def in_words(one: WeakSlice) -> str:
    """Return who the customers of a slice are."""
    return ", ".join(f"{_feature(name)}: {value}" for name, value in one.selected_by.items())


def _weak_say(search: Search, shown: list[WeakSlice], measured: int) -> Iterator[str]:
    if not search.looked_at:
        yield (
            f"Whether it is wrong more often in some group is not known: {counted(measured, 'measured customer')} "
            f"{'is' if measured == 1 else 'are'} too few for groups of {FEWEST_ROWS}."
        )
        return
    looked = f"{search.looked_at:,} groups of at least {FEWEST_ROWS} measured customers were looked at"
    if not shown:
        yield f"{looked}: in none of them it is shown to be wrong more often than elsewhere."
        return
    worst, telling = shown[0], sum(one.says_more for one in search.weak)
    yield (
        f"Be most careful with customers with {in_words(worst)}: of the groups below it is right least often "
        f"for them. It is right for {with_percent(worst.accuracy)} of them, elsewhere for "
        f"{with_percent(worst.elsewhere)}."
    )
    found = len(search.weak)
    own = "" if telling == found else f"; {telling:,} of them, told of here, say more than their single features do"
    below = f". The weakest and the {len(shown) - 1} surest others stand below" if telling > len(shown) else ""
    yield (
        f"{looked}. In {found:,} it is shown to be wrong more often than elsewhere{own}{below}. Of all {found:,} "
        "findings at most one of twenty is expected to be chance."
        if found > 1
        else f"{looked}. In 1 it is shown to be wrong more often than elsewhere; that this is chance is not ruled out."
    )


def _missing(columns: Columns, right: NDArray[np.bool_]) -> dict[str, Any]:
    """Return how many measured customers lack a value, in any feature and in each, and how often it is right then."""
    lacking = {name: np.asarray(column == MISSING, dtype=np.bool_) for name, column in columns.items()}
    somewhere = np.any([*lacking.values()], axis=0) if lacking else np.zeros(len(right), dtype=np.bool_)
    return {
        "rows": int(somewhere.sum()),
        "of": len(right),
        "accuracy": float(right[somewhere].mean()) if somewhere.any() else None,
        "accuracy_elsewhere": float(right[~somewhere].mean()) if not somewhere.all() else None,
        "features": {
            name: {"rows": int(rows.sum()), "accuracy": float(right[rows].mean())}
            for name, rows in lacking.items()
            if rows.any()
        },
    }


def _missing_says(missing: Mapping[str, Any]) -> Iterator[str]:
    if not missing["rows"]:
        yield f"None of the {missing['of']:,} measured customers lacked a value."
        return
    beside = missing["accuracy_elsewhere"]
    others = f", for {percent(beside)} of the others" if beside is not None else ""
    share = percent(missing["rows"] / missing["of"])
    yield (
        f"{missing['rows']:,} of {missing['of']:,} measured customers ({share}) lack a value. It answers "
        f"nevertheless, and is right for {percent(missing['accuracy'])} of them{others}."
    )


def _unknown(of: Material, columns: Columns) -> dict[str, int]:
    """Return how many measured customers have a category that the model does not know, by feature."""
    known = {name: {*one.values, MISSING} for name, one in of.inputs.items() if one.values is not None}
    counts = {
        name: sum(value not in known[name] for value in column.tolist())
        for name, column in columns.items()
        if name in known
    }
    return {name: count for name, count in counts.items() if count}


def _inputs_say(of: Material, unknown: Mapping[str, int] | None) -> Iterator[str]:
    known = {name: len(one.values) for name, one in of.inputs.items() if one.values is not None}
    if known:
        knows = named([f"{_feature(name)} {count}" for name, count in known.items()])
        yield f"Of these features it knows so many values: {knows}. Any other one counts as missing{_met(unknown)}."
    never = [name for name, one in of.inputs.items() if not one.missing]
    if never:
        rows = sum(of.inputs[never[0]].counts)
        verb = "was" if len(never) == 1 else "were"
        yield (
            f"In its {rows:,} training rows {named([_feature(name) for name in never])} {verb} never missing: what "
            "such a customer is like it has not learned."
        )


def _met(unknown: Mapping[str, int] | None) -> str:
    if unknown is None:
        return ""
    if not unknown:
        return "; no measured customer had one"
    return "; " + named(
        [f"{counted(count, 'customer')} had one in {_feature(name)}" for name, count in unknown.items()]
    )


def _tables(shown: list[WeakSlice], missing: Mapping[str, Any]) -> Iterator[tuple[str, Table]]:
    if shown:
        head = ["customers", "measured", "right", "right elsewhere"]
        rows = [[in_words(one), f"{one.rows:,}", percent(one.accuracy), percent(one.elsewhere)] for one in shown]
        yield "Groups in which it is wrong more often", Table(head, rows)
    if missing["features"]:
        head = ["feature", "customers without it", "right for"]
        rows = [
            [
                _feature(name),
                f"{one['rows']:,} ({percent(one['rows'] / missing['of'])})",
                percent(one["accuracy"]) if one["rows"] >= FEWEST_ROWS else "too few to say",
            ]
            for name, one in missing["features"].items()
        ]
        yield "Missing values", Table(head, rows)


def _feature(name: str) -> str:
    return name.replace("_", " ")
