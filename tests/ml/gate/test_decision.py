"""Each rule of the gate: one case in which it refuses and one in which it passes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config.economics import Economics
from ml.config.gate_settings import GateSettings
from ml.config.settings import resolve
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.decision import BETTER, KEPT, REFRESH, WORSE, Decision, decide
from tests.ml.gate.populations import THRESHOLD, a_look, population, scored

GATE = resolve(environment={}).gate
DUE = a_look(champion_days=30.0)
ROWS = 4000
LABELS, PROFILES, (GOOD, EQUAL, ALSO_EQUAL, BAD) = population(ROWS, (1.3, 1.0, 1.0, 0.8), seed=17)
HALF = np.where(np.random.default_rng(1).random(ROWS) < 0.5, "Male", "Female").astype(object)


def rows(
    candidate: NDArray[np.float32],
    *references: NDArray[np.float32],
    anchor: NDArray[np.float32] | None = None,
    **groups: NDArray[np.object_],
) -> ScoredRows:
    return scored(LABELS, PROFILES, candidate, np.stack(references), anchor, **groups)


def decision(of: ScoredRows, look: Look | None = None, settings: GateSettings = GATE) -> Decision:
    decided = decide(of, look or a_look(), settings=settings, threshold=THRESHOLD)
    assert decided.reasons, "a decision without a reason"
    json.dumps(decided.details, allow_nan=False)
    return decided


def codes(decided: Decision) -> list[str]:
    return [reason.code for reason in decided.reasons]


def sentence(decided: Decision, code: str) -> str:
    return next(reason.sentence for reason in decided.reasons if reason.code == code)


def test_a_better_candidate_is_promoted_and_the_sentence_says_by_how_much_against_what() -> None:
    decided = decision(rows(GOOD, EQUAL, ALSO_EQUAL, anchor=EQUAL))
    assert decided.outcome == BETTER
    assert codes(decided)[:3] == ["better", "no_guard_worse", "not_worse_than_anchor"]
    said, numbers = sentence(decided, "better"), decided.details["differences"]["AUC"]
    for part in (
        f"AUC is {numbers['candidate']:.4f}, {numbers['value']:+.4f} against {numbers['reference']:.4f}",
        "of version 3 and 1 model found equal to it",
        f"(interval {numbers['lower']:+.4f} to {numbers['upper']:+.4f}, each side 98.1 %; n=4000, ",
    ):
        assert part in said


def test_an_equal_candidate_is_kept_out() -> None:
    decided = decision(rows(ALSO_EQUAL, EQUAL))
    assert decided.outcome == KEPT
    assert codes(decided)[:2] == ["cannot_tell", "no_refresh_due"]


def test_a_worse_candidate_is_rejected() -> None:
    decided = decision(rows(BAD, EQUAL), DUE)
    assert decided.outcome == WORSE
    assert codes(decided)[0] == "worse"


def test_a_better_ranking_does_not_outweigh_a_worse_log_loss() -> None:
    """Odds to the power of three rank equally and promise far too much."""
    overconfident = (GOOD**3 / (GOOD**3 + (1 - GOOD) ** 3)).astype(np.float32)
    decided = decision(rows(overconfident, EQUAL), DUE)
    assert decided.outcome == WORSE
    assert codes(decided)[0] == "guard_worse"
    assert sentence(decided, "guard_worse").startswith("LogLoss is ")
    assert decided.details["differences"]["AUC"]["lower"] > 0


def test_with_log_loss_as_primary_metric_a_lower_one_is_better() -> None:
    settings = replace(GATE, primary="LogLoss")
    decided = decision(rows(GOOD, EQUAL), settings=settings)
    assert decided.outcome == BETTER
    assert decided.details["differences"]["LogLoss"]["value"] < 0 < decided.details["differences"]["LogLoss"]["lower"]
    assert "The whole interval is below 0: a gain." in sentence(decided, "better")
    assert decision(rows(BAD, EQUAL), settings=settings).outcome == WORSE


def test_a_smaller_budget_asks_for_more_evidence() -> None:
    strict, loose = (replace(GATE, false_promotions_per_year=share) for share in (0.01, 26.0))
    slightly_better = rows((0.12 * GOOD + 0.88 * ALSO_EQUAL).astype(np.float32), EQUAL)
    numbers = decision(slightly_better).details["differences"]["AUC"]
    assert 2.1 < numbers["gain"] / numbers["standard_error"] < 3.5
    assert [decision(slightly_better, settings=one).outcome for one in (strict, GATE, loose)] == [KEPT, BETTER, BETTER]


@pytest.mark.parametrize(("looks", "divided_by"), [(1, 52), (52, 52), (53, 53), (520, 520)])
def test_the_budget_is_divided_by_the_looks_a_year_or_by_as_many_as_there_were(looks: int, divided_by: int) -> None:
    decided = decision(rows(ALSO_EQUAL, EQUAL), a_look(looks_last_year=looks))
    assert decided.details["level"]["look"] == pytest.approx(1 / divided_by)
    counted = "looks of the last 365 days, more than gate.looks_per_year" in sentence(decided, "level")
    assert counted == (looks > 52)


def test_no_budget_makes_a_loss_a_gain() -> None:
    settings = replace(GATE, looks_per_year=1)
    decided = decision(rows(ALSO_EQUAL, EQUAL), a_look(looks_last_year=1), settings)
    assert decided.details["level"]["look"] == 0.5


def test_the_verdict_tells_the_looks_apart() -> None:
    said = sentence(decision(rows(ALSO_EQUAL, EQUAL), a_look(looks_with_other_settings=4)), "level")
    assert "look 2 since version 3 came; 4 more with other settings are counted apart." in said
    assert "asked since 2026-11-01T06:00:00+00:00" in said


@pytest.mark.parametrize(
    ("look", "outcome"),
    [
        (a_look(champion_days=28.0), REFRESH),
        (a_look(champion_days=27.9), KEPT),
        (a_look(changed_share=0.05), REFRESH),
        (a_look(changed_share=0.049), KEPT),
        (a_look(champion_days=90.0, days_since_refresh=27.9), KEPT),
        (a_look(champion_days=90.0, days_since_refresh=28.0), REFRESH),
        (a_look(champion_days=None), KEPT),
    ],
)
def test_an_equal_candidate_replaces_an_old_champion_or_one_of_other_data_but_not_often(
    look: Look, outcome: str
) -> None:
    decided = decision(rows(ALSO_EQUAL, EQUAL, anchor=EQUAL), look, replace(GATE, margin=0.01))
    assert decided.outcome == outcome
    assert ("refresh_due" in codes(decided)) == (outcome == REFRESH)


def test_a_refresh_needs_proof_that_nothing_beyond_the_margin_is_lost() -> None:
    decided = decision(rows(ALSO_EQUAL, EQUAL), DUE, replace(GATE, margin=0.0001))
    assert decided.outcome == KEPT
    assert "beyond the margin of 0.0001 (gate.margin)" in sentence(decided, "not_worse_unproven")


def test_neither_a_refresh_nor_a_better_candidate_may_fall_below_the_anchor() -> None:
    settings = replace(GATE, margin=0.01)
    refresh = decision(rows(ALSO_EQUAL, EQUAL, anchor=GOOD), DUE, settings)
    assert (refresh.outcome, "below_anchor" in codes(refresh)) == (KEPT, True)
    better = decision(rows(EQUAL, BAD, anchor=GOOD), DUE, settings)
    assert better.outcome == KEPT
    assert codes(better)[0] == "gain_not_enough"
    assert "the anchor (version 1)" in sentence(better, "below_anchor")
    assert decision(rows(EQUAL, BAD, anchor=ALSO_EQUAL), DUE, settings).outcome == BETTER


def test_the_answers_of_the_champion_are_no_gain_and_no_loss() -> None:
    decided = decision(rows(EQUAL, EQUAL, anchor=EQUAL))
    assert decided.outcome == KEPT
    assert decision(rows(EQUAL, EQUAL, anchor=EQUAL), DUE, replace(GATE, margin=0.0)).outcome == REFRESH


def test_with_one_class_nothing_is_promoted() -> None:
    one_class = scored(np.ones(ROWS, np.int8), PROFILES, GOOD, BAD[np.newaxis], BAD)
    decided = decision(one_class, DUE)
    assert decided.outcome in (KEPT, WORSE)
    assert decided.details["differences"]["AUC"]["lower"] is None
    equal = decision(scored(np.ones(ROWS, np.int8), PROFILES, EQUAL, EQUAL[np.newaxis]), DUE)
    assert (equal.outcome, codes(equal)[0]) == (KEPT, "undefined")


def test_a_difference_without_spread_is_not_taken_for_a_better_model() -> None:
    right = LABELS.astype(np.float32)
    assert decision(rows(right, 1 - right), DUE).outcome == KEPT


def test_without_rows_nothing_is_promoted() -> None:
    none = scored(LABELS[:0], PROFILES[:0], GOOD[:0], BAD[np.newaxis, :0], BAD[:0])
    assert decision(none, DUE).outcome == KEPT


def test_without_a_reference_there_is_nothing_to_decide() -> None:
    with pytest.raises(ValueError, match="no reference"):
        decision(scored(LABELS, PROFILES, GOOD, np.zeros((0, ROWS), np.float32)))


def test_at_most_so_many_references_are_compared_as_the_settings_say() -> None:
    alone = decision(rows(GOOD, EQUAL)).details["differences"]["AUC"]
    first = decision(rows(GOOD, EQUAL, BAD, BAD), settings=replace(GATE, references=1))
    assert first.details["differences"]["AUC"] == alone
    assert "against" in sentence(first, "better")
    assert "found equal" not in sentence(first, "better")


def test_a_group_in_which_the_candidate_is_proven_worse_blocks_a_better_one() -> None:
    in_one_group = np.where(HALF == "Male", GOOD, BAD).astype(np.float32)
    decided = decision(rows(in_one_group, EQUAL, Gender=HALF), DUE)
    assert decided.outcome == WORSE
    assert "AUC in Gender=Female is " in sentence(decided, "slice_worse")
    assert decision(rows(GOOD, EQUAL, Gender=HALF)).outcome == BETTER


def test_many_groups_need_more_proof_than_one() -> None:
    settings = replace(GATE, margin=0.02)
    few, many = np.full(ROWS, "all", object), (np.arange(ROWS) % 40).astype(str).astype(object)
    decided = decision(rows(ALSO_EQUAL, EQUAL, few=few, many=many), settings=settings)
    tested = [one for one in decided.details["slices"] if one["tested"]]
    assert len(tested) == 41
    assert min(one["p"] for one in tested) < 0.05
    assert min(one["holm"] for one in tested) > 0.05
    assert decided.outcome == KEPT


def test_a_group_without_ten_of_each_class_is_named_and_does_not_block() -> None:
    few = np.full(ROWS, "Yes", dtype=object)
    few[np.flatnonzero(LABELS == 1)[:9]] = few[np.flatnonzero(LABELS == 0)[:19]] = "(missing)"
    awful = np.where(few == "(missing)", 1 - LABELS * 0.9, GOOD).astype(np.float32)
    decided = decision(rows(awful, EQUAL, Ever_Married=few))
    assert decided.outcome != WORSE
    assert sentence(decided, "not_enough_data") == "Not enough data in Ever_Married=(missing) (n=28)."
    tested = decide(rows(awful, EQUAL, Ever_Married=few), a_look(), settings=GATE, threshold=0.5, min_slice=9)
    assert tested.outcome == WORSE


def test_every_verdict_says_what_it_could_have_seen() -> None:
    decided = decision(rows(ALSO_EQUAL, EQUAL))
    error = decided.details["differences"]["AUC"]["standard_error"]
    power = decided.details["power"]
    assert power["detectable"] == pytest.approx((2.0699 + 0.8416) * error, rel=1e-3)
    assert power["rows_needed"] == pytest.approx(ROWS * (power["detectable"] / 0.002) ** 2, abs=1)
    assert sentence(decided, "power") == (
        f"This look could have seen {power['detectable']:+.4f} AUC (with 80 % power); for +0.002 you need "
        f"{power['rows_needed']} rows instead of {ROWS}."
    )


def test_what_is_said_of_the_baseline_is_in_the_verdict() -> None:
    note = "No model server was asked: serving.url is empty."
    assert sentence(decision(rows(GOOD, EQUAL), a_look(baseline_note=note)), "baseline") == note
    assert "baseline" not in codes(decision(rows(GOOD, EQUAL)))


@pytest.mark.parametrize(("fairness", "outcome"), [("warn", BETTER), ("block", WORSE)])
def test_an_unfair_candidate_is_warned_about_or_blocked(fairness: str, outcome: str) -> None:
    settings = replace(GATE, fairness=fairness, selection_ratio=0.9)
    by_label = np.where(LABELS == 1, "30-44", "60 and over").astype(object)
    by_label[::4] = "30-44"
    by_label[1::4] = "60 and over"
    decided = decision(rows(GOOD, EQUAL, age_band=by_label), settings=settings)
    assert decided.outcome == outcome
    assert ("selection_rate" if fairness == "block" else "selection_rate_warning") in codes(decided)


def test_a_candidate_ends_a_hold_when_it_is_better_than_the_version_that_was_gone_back_from() -> None:
    beaten = decision(replace(rows(GOOD, BAD), gone_back_from=EQUAL))
    assert (beaten.outcome, beaten.ends_hold) == (BETTER, True)
    numbers = beaten.details["gone_back_from"]
    assert numbers["level"] == beaten.details["level"]["look"], "that of a look's better"
    assert f"{numbers['value']:+.4f} against {numbers['reference']:.4f} of the quarantined version" in sentence(
        beaten, "hold_ends"
    )


def test_a_candidate_that_is_not_proven_better_than_it_ends_none() -> None:
    held = decision(replace(rows(EQUAL, BAD), gone_back_from=ALSO_EQUAL))
    assert (held.outcome, held.ends_hold) == (BETTER, False), "better than the champion, and no better than the bad one"
    assert sentence(held, "hold_stays").endswith("That is no proven gain: the hold stays.")
    without = decision(rows(EQUAL, BAD))
    assert not without.ends_hold
    assert "gone_back_from" not in without.details
    assert without.outcome == held.outcome, "for this comparison only"


def test_profit_is_a_guard_where_somebody_has_said_what_a_contact_costs() -> None:
    # The candidate ranks as well, but where a contact begins to pay it says too much of every customer.
    keen = np.clip(EQUAL + 0.2, 0, 1).astype(np.float32)
    prices = Economics(value=80.0, cost=40.0, budget=0.0, currency="EUR")
    without = decide(rows(keen, EQUAL), a_look(), settings=GATE, threshold=THRESHOLD)
    assert "Profit" not in without.details["differences"]
    assert "economics" not in without.details
    decided = decide(rows(keen, EQUAL), a_look(), settings=GATE, threshold=THRESHOLD, economics=prices)
    assert decided.outcome == WORSE
    numbers = decided.details["differences"]["Profit"]
    assert numbers["upper"] < 0
    earned, before = (np.where(one.astype(np.float64) > 0.5, LABELS - 0.5, 0).mean() for one in (keen, EQUAL))
    assert (numbers["candidate"], numbers["reference"]) == pytest.approx((earned, before))
    (said,) = [one.sentence for one in decided.reasons if one.sentence.startswith("Profit")]
    assert said.startswith(
        f"Profit for 1,000 customers is {prices.amount(round(80_000 * earned))}, "
        f"{prices.amount(round(80_000 * (earned - before)))} against "
        f"{prices.amount(round(80_000 * before))} of version 3"
    )
    assert "EUR to \u2212" in said


def test_profit_can_decide() -> None:
    prices = Economics(value=80.0, cost=10.0, budget=0.0, currency="")
    settings = replace(GATE, primary="Profit")
    decided = decide(rows(GOOD, EQUAL, anchor=EQUAL), DUE, settings=settings, threshold=THRESHOLD, economics=prices)
    assert (decided.outcome, decided.details["primary"]) == (BETTER, "Profit")
    assert sentence(decided, "better").startswith("Profit for 1,000 customers is ")
    assert "(gate.margin) worse would do" in sentence(decided, "not_worse_than_anchor")
    assert "AUC +" in sentence(decided, "no_guard_worse")
    assert " Profit (with 80 % power)" in sentence(decided, "power")


def test_small_amounts_are_told_with_their_decimals() -> None:
    prices = Economics(value=0.05, cost=0.005, budget=0.0, currency="EUR")
    settings = replace(GATE, primary="Profit")
    decided = decide(rows(GOOD, EQUAL, anchor=EQUAL), DUE, settings=settings, threshold=THRESHOLD, economics=prices)
    assert re.search(r"is \d+\.\d\d EUR, \+0\.\d\d EUR against \d+\.\d\d EUR", sentence(decided, "better"))
