"""What the model says of a customer, how often that is right, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ml.registry.policy.provenance import kind_of
from ml.reports.card.material import Material, Part
from ml.reports.card.weak_slices import clustered_variance
from ml.reports.look.section import Section
from ml.reports.look.words import counted, data_words, interval, percent, with_percent

Z = 1.96


def model_part(of: Material) -> Part:
    """Return the part of the card."""
    numbers = _numbers(of)
    return Part(Section("says", "What it says, and what it does not say", list(_says(of, numbers))), numbers)


def _numbers(of: Material) -> dict[str, Any]:
    origin = of.original.entry
    known = {"column": of.column, "segments": list(of.segments), "threshold": of.threshold}
    known |= {"source": origin.get("source"), "source_kind": kind_of(origin)}
    known |= {"rows": origin.get("rows"), "at": of.subject.entry.get("at")}
    known |= {"features": list(of.subject.record.get("features") or of.inputs)}
    if (background := of.background) is not None:
        known["reasons"] = {
            "rows": len(background.weights),
            "background_mean": background.mean,
            **asdict(background.error),
        }
    return known | _of_rows(of)


def _of_rows(of: Material) -> dict[str, Any]:
    if of.rows is None:
        return {}
    is_target, called = of.rows.labels == 1, of.rows.candidate > of.threshold
    hits = int(np.count_nonzero(is_target & called))
    accuracy = float(of.right.mean())
    half = Z * float(np.sqrt(clustered_variance(of.right, np.unique(of.rows.profiles, return_inverse=True)[1])))
    return {
        "evaluated": len(of.right),
        "targets": int(np.count_nonzero(is_target)),
        "accuracy": accuracy,
        "accuracy_interval": [max(0.0, accuracy - half), min(1.0, accuracy + half)],
        "accuracy_of_calling_nobody": float(1 - is_target.mean()),
        "recall": hits / int(is_target.sum()) if is_target.any() else None,
        "precision": hits / int(called.sum()) if called.any() else None,
    }


def _says(of: Material, numbers: dict[str, Any]) -> Iterator[str]:
    if of.segments:
        yield (
            f"Of each customer it says how likely {of.column} is {of.name}: a probability from 0 to 1. Above "
            f"{of.threshold:g} it calls the customer {of.name}, otherwise not."
        )
    if "accuracy" in numbers:
        yield (
            f"Its answer is right for {with_percent(numbers['accuracy'])} of the customers, likely "
            f"{interval(numbers['accuracy_interval'])}. Calling nobody {of.name} would be right for "
            f"{percent(numbers['accuracy_of_calling_nobody'])}."
        )
        yield " ".join(_finds(of, numbers))
    count = len(numbers["features"])
    if count:
        not_said = "whether" if "reasons" in numbers else "why, nor whether"
        yield (
            f"It does not say {not_said} a call changes anything: all it knows of a customer are "
            f"{counted(count, 'feature')}, and none of them is a call."
        )
    if "reasons" in numbers:
        yield _reasons(numbers["reasons"])
    if numbers["source"]:
        day = f" It was published on {str(numbers['at'])[:10]}." if numbers["at"] else ""
        yield f"Its data: {data_words(numbers['source'], numbers['source_kind'], numbers['rows'])}.{day}"


def _reasons(told: dict[str, Any]) -> str:
    """Return how good the reasons for its answers are."""
    compared = f"Reasons for an answer compare the customer with {counted(told['rows'], 'other')}"
    if told["mean"] is None:
        return f"{compared}; how far that is from comparing with more of them was not measured."
    return (
        f"{compared}, who stand for {told['reference_rows']:,}: that moves what a feature adds by "
        f"{100 * told['mean']:.2g} percentage points on average and by {100 * told['largest']:.2g} at most, and the "
        f"strongest reason stays the same for {with_percent(told['same_first'])} of "
        f"{counted(told['customers'], 'customer')}."
    )


def _finds(of: Material, numbers: dict[str, Any]) -> Iterator[str]:
    recall, precision = numbers["recall"], numbers["precision"]
    if recall is not None:
        yield f"Of those who are {of.name} it finds {with_percent(recall)}."
    if precision is not None:
        yield f"Of those whom it calls {of.name}, {with_percent(precision)} are."
    else:
        yield f"It calls none of the {numbers['evaluated']:,} measured customers {of.name}."
