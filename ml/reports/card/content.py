"""What the model card of a version says: sentences and tables, each made from numbers that the version left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ml.audit.compare import compare
from ml.audit.subject import Subject, subject
from ml.evaluation.scored_rows import ScoredRows
from ml.evaluation.slices import MISSING
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.provenance import SAMPLE, SAMPLE_WARNING, kind_of
from ml.reports.card.customers import customers
from ml.reports.card.targeting import Top, tops
from ml.reports.card.weak_slices import Search, WeakSlice, weak_slices
from ml.reports.look.plot import Table
from ml.reports.look.section import Section
from ml.storage.root import Root

MOST_NAMED = 5
PEOPLE_SAY = ((1 / 4, "one of four"), (1 / 3, "one of three"), (1 / 2, "half"), (2 / 3, "two of three"),
              (3 / 4, "three of four"), (9 / 10, "nine of ten"))  # fmt: skip
NEAR = 0.03


def content_of(root: Root, version: int) -> dict[str, Any]:
    """Return what the card says: `title`, `sample` ("" for real data) and `sections`.

    Raises:
        FinalError: There is no such version, or its files are damaged.
    """
    of = subject(root, str(version))
    origin = of.judged
    return {
        "version": version,
        "title": f"Model card: version {version}",
        "sample": SAMPLE_WARNING if kind_of(origin) == SAMPLE else "",
        "sections": [*_model(of), *_of_rows(of), *_changes(root, of), _use(version)],
    }


def as_people_say(share: float) -> str:
    """Return a share of 0..1 as a fraction that people use, if one is near, else in per cent."""
    near, words = min(PEOPLE_SAY, key=lambda one: abs(one[0] - share))
    return f"about {words}" if abs(near - share) <= NEAR else f"about {share:.0%}"


def _model(of: Subject) -> Iterator[Section]:
    target = of.settings.get("target", {})
    segments = ", ".join(target.get("positive_segments", ()))
    says = [f"It says how likely a customer belongs to {target['column']} {segments}."] if segments else []
    says.append("It does not say why, nor whether a call changes anything: it was trained on features alone.")
    entry = of.judged
    if entry.get("source"):
        says.append(f"It was trained on {entry['source']}.")
    yield Section("says", "What it says and does not say", says)


def _of_rows(of: Subject) -> Iterator[Section]:
    if of.scored_rows is None:
        yield Section("target", "Whom to target", ["Its evaluation rows are not kept, so what to expect is not known."])
        return
    rows = ScoredRows.read(of.scored_rows)
    found = tops(rows.labels, rows.candidate, rows.profiles)
    yield Section("target", "Whom to target", list(_top_says(found, rows)), [("", _top_table(found))] if found else [])
    target = of.settings.get("target", {})
    if of.data is None or not target:
        says = ["Its data are not kept, so weak slices and missing values could not be looked for."]
        yield Section("weak", "Where not to trust it", says)
        return
    place, columns = customers(of.data, rows.rows, column=target["column"], positive=target["positive_segments"])
    right = ((rows.candidate >= target["threshold"]) == (rows.labels == 1))[place]
    search = weak_slices(columns, right, rows.profiles[place])
    named = worth_naming(search)
    tables = [("", Table(["customers", "rows", "right", "right elsewhere"], [_weak_row(one) for one in named]))]
    missing = [[name, f"{float(np.mean(cells == MISSING)):.1%}"] for name, cells in columns.items()
               if (cells == MISSING).any()]  # fmt: skip
    if missing:
        tables.append(("Missing values", Table(["feature", "missing in evaluation rows"], missing)))
    yield Section("weak", "Where not to trust it", list(_weak_says(search, named)), tables if named else tables[1:])


def _top_says(found: list[Top], rows: ScoredRows) -> Iterator[str]:
    if not found:
        yield "No evaluation row is a target customer, so what to expect is not known."
        return
    top = found[1]
    low, high = top.precision_interval
    yield (
        f"Of the best {top.share:.0%} of a list expect {as_people_say(top.precision)} to be target customers "
        f"(likely {low:.0%} to {high:.0%}); among all it is {float(rows.labels.mean()):.0%}."
    )
    yield f"Measured on {len(rows.labels):,} customers that it was not trained on; they also decided the promotion."


def _top_table(found: list[Top]) -> Table:
    rows = [
        [
            f"best {top.share:.0%}",
            f"{top.precision:.0%} ({top.precision_interval[0]:.0%} to {top.precision_interval[1]:.0%})",
            f"{top.lift:.1f} ({top.lift_interval[0]:.1f} to {top.lift_interval[1]:.1f})",
        ]
        for top in found
    ]
    return Table(["customers", "target customers (95 %)", "times the average (95 %)"], rows)


def worth_naming(search: Search) -> list[WeakSlice]:
    """Return at most `MOST_NAMED` weak slices; no pair that is no weaker than one of its features alone."""
    single = {next(iter(one.selected_by.items())): one for one in search.weak if len(one.selected_by) == 1}
    return [
        one
        for one in search.weak
        if len(one.selected_by) == 1
        or all(one.accuracy < single[of].accuracy for of in one.selected_by.items() if of in single)
    ][:MOST_NAMED]


def _weak_says(search: Search, named: list[WeakSlice]) -> Iterator[str]:
    looked = f"{search.looked_at:,} groups of at least 50 customers were searched (5 % false discoveries)"
    if not named:
        yield f"{looked}; in none it is shown to be wrong more often than elsewhere."
    else:
        more = f"; {len(named)} of the {len(search.weak)} weak ones are named" if len(named) < len(search.weak) else ""
        yield f"It is wrong more often here. {looked}{more}."
    yield "A category that it does not know counts as missing to it."


def _weak_row(one: WeakSlice) -> list[str]:
    name = " and ".join(f"{feature} = {value}" for feature, value in one.selected_by.items())
    return [name, f"{one.rows:,}", f"{one.accuracy:.0%}", f"{one.elsewhere:.0%}"]


def _changes(root: Root, of: Subject) -> Iterator[Section]:
    number = of.version.number if of.version else 0
    before = [n for n, version in Ledger(root.ledger).versions().items() if n < number and version.has_served]
    if not before:
        yield Section("changed", "What changed", ["No version served before it."])
        return
    answer = compare(subject(root, str(max(before))), of)
    old, new = answer["data"]
    says = ["The data are the same." if old["sha256"] == new["sha256"] else "It was trained on other data."]
    if answer["settings"] is not None:
        count = len(answer["settings"])
        says.append(f"{count} setting{'' if count == 1 else 's'} changed." if count else "No setting changed.")
    yield Section("changed", f"What changed since version {max(before)}", says)


def _use(version: int) -> Section:
    command = "python -m serving.score docs/customers.csv --out top.csv --top 20%"
    says = [
        f"Score a list with the version that serves: {command}",
        f"Write this card again: python -m ml card {version}",
    ]
    return Section("use", "Use it", says)
