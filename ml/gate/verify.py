"""Whether a verdict says what its rows say: every number again, with numpy alone, and the outcome from the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.scored_rows import ScoredRows
from ml.gate.recompute import difference, five_metrics, holm, value_and_error, z_of

AGREEMENT = 1e-9
GROUPED_BY = ("Gender", "Ever_Married", "age_band")
TOPS = (50, 100, 200, 500)
LEAST_OF_A_CLASS = 10
"""Of a group whose calibration is judged."""


def verify(verdict: Mapping[str, Any], scored: ScoredRows) -> list[str]:
    """Return a sentence for each number of the verdict that its rows do not give; none when all agree.

    Args:
        verdict: The content of `verdict.json`, with the numbers under `evidence` (None when nothing was compared) and
            the metrics; or these numbers alone (`Decision.details`).
        scored: The rows that lie beside it.
    """
    evidence = verdict.get("evidence", verdict if "differences" in verdict else None)
    wrong: list[str] = []
    try:
        for name, score in (("metrics", scored.candidate), ("champion_metrics", next(iter(scored.references), None))):
            if verdict.get(name) and score is not None:
                found = five_metrics(scored.labels, score, float(verdict["threshold"]))
                wrong += _disagreements(found, {metric: verdict[name].get(metric) for metric in found}, name)
        if evidence is not None:
            computed = _evidence(evidence, scored)
            wrong += _disagreements(computed, evidence, "")
            wrong += _outcome(evidence, computed)
            ends_hold = bool((computed.get("gone_back_from") or {}).get("is_better"))
            if "better_than" in verdict and bool(verdict["better_than"]) != ends_hold:
                wrong.append(f"better_than: the verdict says {verdict['better_than']!r}, its numbers give {ends_hold}.")
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        wrong.append(
            f"The verdict lacks what its numbers were computed with, or holds something else there: {error!r}."
        )
    return wrong


def _evidence(said: Mapping[str, Any], scored: ScoredRows) -> dict[str, Any]:
    """Return the numbers of a verdict, from the rows and from the settings and the look that it names."""
    threshold, primary, levels = float(said["threshold"]), said["primary"], said["level"]
    everything = np.ones(len(scored.labels), dtype=bool)
    references = scored.references[: said["references"]]
    budget = levels["false_promotions_per_year"]
    left = max(budget / 2, budget - said["look"].get("on_fresh_outcomes", 0.0))
    look_level = min(0.5, left / max(levels["looks_per_year"], said["look"]["looks_last_year"]))

    def against(models: NDArray[np.float32], metric: str, level: float, rows: NDArray[np.bool_] = everything) -> Any:
        return difference(scored, models, metric, threshold, level, rows, _cut(said))

    differences = {metric: against(references, metric, look_level) for metric in said["differences"]}
    error = differences[primary]["standard_error"]
    can_see = error is not None and error > 0
    detectable = (z_of(look_level) + z_of(1 - said["power"]["power"])) * error if can_see else None
    groups = list(_groups(said["fairness"], scored, threshold))
    anchor = None if scored.anchor is None else against(scored.anchor[np.newaxis], primary, levels["non_inferiority"])
    return {
        "rows": len(scored.labels),
        "profiles": int(np.count_nonzero(np.diff(np.sort(scored.profiles)))) + 1,
        "positives": int(scored.labels.sum()),
        "references": len(references),
        "level": {
            "look": look_level,
            "divided_by": max(levels["looks_per_year"], said["look"]["looks_last_year"]),
        },
        "differences": differences,
        "not_worse": against(references, primary, levels["non_inferiority"]),
        "anchor": anchor,
        **_gone_back_from(said, scored, against, primary, look_level),
        **_list_change(said, scored, threshold),
        "slices": list(_slices(said, scored, references)),
        "fairness": {"groups": groups, "selection_ratios": _ratios(groups)},
        "power": {
            "detectable": detectable,
            "rows_needed": math.ceil(len(scored.labels) * (detectable / said["power"]["gain"]) ** 2)
            if detectable
            else 0,
        },
    }


def _cut(said: Mapping[str, Any]) -> float | None:
    """Return the probability above which a contact pays; None when the verdict does not judge profit."""
    economics = said.get("economics")
    return float(economics["cost"]) / float(economics["value"]) if economics else None


def _gone_back_from(
    said: Mapping[str, Any], scored: ScoredRows, against: Callable[..., Any], primary: str, level: float
) -> dict[str, Any]:
    """Return the comparison with the version from which a hold came; nothing when neither verdict nor rows have one."""
    if scored.gone_back_from is None:
        return {"gone_back_from": None} if "gone_back_from" in said else {}
    found = against(scored.gone_back_from[np.newaxis], primary, level)
    return {"gone_back_from": found | {"is_better": bool(found["lower"] > 0)}}


def _list_change(said: Mapping[str, Any], scored: ScoredRows, threshold: float) -> dict[str, Any]:
    """Return how the list changes against the baseline; nothing when an older verdict does not say it."""
    if "list_change" not in said:
        return {}
    old = scored.references[0]
    best = max((size for size in TOPS if size <= len(old) / 2), default=0)
    names = _best(scored.candidate, scored.rows, best) - _best(old, scored.rows, best)
    sides = int(np.sum((scored.candidate > threshold) ^ (old > threshold)))
    return {"list_change": {"rows": len(old), "change_side": sides, "best": best, "names": len(names)}}


def _best(score: NDArray[np.float32], rows: NDArray[np.uint64], count: int) -> set[int]:
    """Return the places of the `count` highest scores; of those that are equal the lowest hashes come first."""
    if not count:
        return set()
    lowest = np.sort(score)[-count]
    above, equal = np.flatnonzero(score > lowest), np.flatnonzero(score == lowest)
    equal = equal[np.argsort(rows[equal], kind="stable")][: count - len(above)]
    return {*above.tolist(), *equal.tolist()}


def _slices(said: Mapping[str, Any], scored: ScoredRows, references: NDArray[np.float32]) -> Iterator[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for column, values in scored.groups.items():
        for group in values.values():
            rows = values.equals(group)
            positives = int(np.sum(scored.labels[rows]))
            negatives = int(np.sum(rows)) - positives
            entry: dict[str, Any] = {"column": column, "group": group, "positives": positives, "negatives": negatives}
            entry |= {"tested": False, "gain": None, "standard_error": None, "p": None, "holm": None, "worse": False}
            if positives >= said["least_of_a_class"] and negatives >= said["least_of_a_class"]:
                one = difference(scored, references, said["primary"], said["threshold"], 0.05, rows, _cut(said))
                gain, error = one["gain"], one["standard_error"]
                if not math.isnan(error):
                    p = NormalDist().cdf(gain / error) if error > 0 else 1.0
                    entry |= {"tested": True, "gain": gain, "standard_error": error, "p": p}
            found.append(entry)
    tested = [entry for entry in found if entry["tested"]]
    for entry, p in zip(tested, holm([entry["p"] for entry in tested]), strict=True):
        entry |= {"holm": p, "worse": p < said["level"]["slices"]}
    yield from found


def _groups(said: Mapping[str, Any], scored: ScoredRows, threshold: float) -> Iterator[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for column in (name for name in GROUPED_BY if name in scored.groups):
        for group in (value for value in scored.groups[column].values() if value != "(missing)"):
            rows = scored.groups[column].equals(group)
            y, score = scored.labels[rows].astype(np.float64), scored.candidate[rows]
            gap, error = value_and_error(score.astype(np.float64) - y, [np.ones(len(y), bool)], scored.profiles[rows])
            found.append(
                {
                    "column": column,
                    "group": group,
                    "rows": len(y),
                    "positives": int(y.sum()),
                    "share_of_positives": float(y.mean()),
                    "mean_probability": float(score.astype(np.float64).mean()),
                    "selection_rate": float(np.count_nonzero(score > threshold) / len(y)),
                    "calibration_gap": gap,
                    "standard_error": error,
                    "judged": bool(min(y.sum(), len(y) - y.sum()) >= LEAST_OF_A_CLASS and not math.isnan(gap)),
                    "p_beyond_bound": None,
                }
            )
    judged = [entry for entry in found if entry["judged"]]
    p_values = [
        NormalDist().cdf((said["calibration_gap"] - abs(one["calibration_gap"])) / one["standard_error"])
        if one["standard_error"] > 0
        else 1.0
        for one in judged
    ]
    for entry, p in zip(judged, holm(p_values), strict=True):
        entry["p_beyond_bound"] = p
    yield from found


def _ratios(groups: list[dict[str, Any]]) -> dict[str, float | None]:
    ratios: dict[str, float | None] = {}
    for column in {one["column"] for one in groups if one["judged"]}:
        rates = [one["selection_rate"] for one in groups if one["judged"] and one["column"] == column]
        ratios[column] = min(rates) / max(rates) if max(rates) > 0 else None
    return ratios


def _outcome(said: Mapping[str, Any], computed: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence when the rules, applied to the computed numbers, come to another outcome."""
    differences, anchor, margin = computed["differences"], computed["anchor"], said["margin"]
    fairness = computed["fairness"]
    primary = differences[said["primary"]]
    unfair = any(one["judged"] and one["p_beyond_bound"] < said["fairness"]["level"] for one in fairness["groups"])
    ratios = [ratio for ratio in fairness["selection_ratios"].values() if ratio is not None]
    unfair = unfair or any(ratio < said["fairness"]["selection_ratio"] for ratio in ratios)
    is_worse = any(one["upper"] < 0 for one in differences.values()) or any(one["worse"] for one in computed["slices"])
    beside_anchor = anchor is None or anchor["lower"] >= -margin
    can_replace = beside_anchor and not any(math.isnan(one["value"]) for one in differences.values())
    if is_worse or (unfair and said["fairness"]["blocks"]):
        outcome = "worse"
    elif primary["lower"] > 0 and can_replace:
        outcome = "better"
    elif said["refresh"]["due"] and computed["not_worse"]["lower"] >= -margin and can_replace:
        outcome = "refresh"
    else:
        outcome = "kept"
    if outcome != said["outcome"]:
        yield f"outcome: the verdict says {said['outcome']!r}, its numbers give {outcome!r}."


def _disagreements(computed: Any, said: Any, name: str) -> list[str]:
    """Return a sentence for each value in the tree `computed` that `said` does not hold; None stands for NaN."""
    if isinstance(computed, Mapping):
        inner = said if isinstance(said, Mapping) else {}
        return [
            line
            for key, value in computed.items()
            for line in _disagreements(value, inner.get(key, "nothing"), f"{name}.{key}" if name else str(key))
        ]
    if isinstance(computed, list):
        if not isinstance(said, list) or len(said) != len(computed):
            return [f"{name}: the rows give {len(computed)} entries, the verdict does not."]
        return [
            line
            for place, value in enumerate(computed)
            for line in _disagreements(value, said[place], f"{name}[{place}]")
        ]
    if isinstance(computed, float):
        if math.isfinite(computed):
            number = isinstance(said, int | float) and not isinstance(said, bool)
            agrees = number and abs(computed - said) <= AGREEMENT * max(1.0, abs(computed))
        else:
            agrees = said is None
    else:
        agrees = type(computed) is type(said) and computed == said
    return [] if agrees else [f"{name}: the verdict says {said!r}, the rows give {computed!r}."]
