"""The verdict: which metrics decide, and what the sentences say."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ml.artifacts import Evaluation, Verdict
from ml.config.gate_settings import JudgeSettings
from ml.config.settings import resolve
from ml.gate.decision import BETTER, KEPT, REFRESH, WORSE, Decision
from ml.gate.judge import judge
from ml.gate.reason import Reason
from ml.gate.thresholds import too_good

SETTINGS = resolve(environment={}).judge
AT_LEAST: dict[str, float] = asdict(SETTINGS.at_least)
AT_MOST: dict[str, float] = asdict(SETTINGS.at_most)


def good(metric: str) -> float:
    """A value half-way between the metric's thresholds; a count has twice what it needs."""
    least, most = AT_LEAST.get(metric, 0.0), AT_MOST.get(metric, 1.0)
    return 2.0 * least if least > 1 else (least + most) / 2


GOOD = {metric: good(metric) for metric in AT_LEAST | AT_MOST}


def evaluation(
    metrics: dict[str, float] | None = None, champion: dict[str, float] | None = None, incomparable: str = ""
) -> Evaluation:
    has_champion = champion is not None or incomparable
    return Evaluation(
        path=Path("evaluate"),
        sha256="e",
        rows=1600,
        model_sha256="m",
        metrics=GOOD | (metrics or {}),
        champion_version=4 if has_champion else None,
        champion_metrics=GOOD | champion if champion is not None else {},
        incomparable=incomparable,
        data_sha256="d",
        baseline="version 4" if has_champion else "",
        baseline_version=4 if has_champion else None,
        anchor_version=2 if has_champion else None,
        served=4 if has_champion else None,
    )


def decision(outcome: str) -> Decision:
    return Decision(outcome, (Reason("evidence", "What the tests say."),), {})


def judged(candidate: Evaluation, found: Decision | None = None, settings: JudgeSettings = SETTINGS) -> Verdict:
    verdict = judge(candidate, found, settings=settings, out=Path("out"))
    assert verdict.reasons, "a verdict without a reason"
    return verdict


def verdict_codes(
    candidate: Evaluation, settings: JudgeSettings = SETTINGS, found: Decision | None = None
) -> tuple[bool, list[str]]:
    verdict = judged(candidate, found, settings)
    return verdict.promotes, [reason["code"] for reason in verdict.reasons]


def test_the_first_run_needs_only_the_thresholds() -> None:
    assert verdict_codes(evaluation()) == (True, ["thresholds_reached", "first_run"])


def test_the_first_version_can_be_left_to_a_person() -> None:
    assert verdict_codes(evaluation(), replace(SETTINGS, first_run_promotes=False)) == (False, ["first_run"])


def test_a_metric_at_the_bound_itself_passes() -> None:
    assert 0.1 + 0.2 > 0.3, "the trap"
    settings = replace(SETTINGS, at_most=replace(SETTINGS.at_most, BinaryAccuracy=0.3))
    assert not list(too_good(evaluation({"BinaryAccuracy": 0.1 + 0.2}), settings))
    assert list(too_good(evaluation({"BinaryAccuracy": 0.3001}), settings))


def test_a_miss_by_a_hair_shows_the_hair() -> None:
    settings = replace(SETTINGS, at_least=replace(SETTINGS.at_least, BinaryAccuracy=0.80))
    sentence = judged(evaluation({"BinaryAccuracy": 0.79999}), None, settings).sentences[0]
    assert "0.79999, below the threshold 0.80000" in sentence


@pytest.mark.parametrize(
    ("metric", "value"),
    [(metric, bound - 1.0 if bound > 1 else round(bound - 0.001, 4)) for metric, bound in AT_LEAST.items()],
)
def test_each_threshold_rejects_alone(metric: str, value: float) -> None:
    verdict = judged(evaluation({metric: value}))
    assert not verdict.promotes
    assert [reason["code"] for reason in verdict.reasons] == ["below_threshold"]
    assert metric in verdict.sentences[0]
    assert f"{value:g}" in verdict.sentences[0]
    assert f"{AT_LEAST[metric]:g}" in verdict.sentences[0]


def test_a_threshold_is_reached_by_its_own_value() -> None:
    assert verdict_codes(evaluation(AT_LEAST))[0]


@pytest.mark.parametrize("metric", sorted(AT_LEAST))
def test_an_undefined_metric_reaches_nothing(metric: str) -> None:
    assert not verdict_codes(evaluation({metric: float("nan")}))[0]


@pytest.mark.parametrize(("metric", "bound"), AT_MOST.items())
def test_too_good_is_a_leak_alarm(metric: str, bound: float) -> None:
    assert verdict_codes(evaluation({metric: bound + 0.001})) == (False, ["leak_suspected"])


@pytest.mark.parametrize(
    ("outcome", "promotes", "what"),
    [(BETTER, True, "better"), (REFRESH, True, "refresh"), (WORSE, False, "rejected"), (KEPT, False, "kept")],
)
def test_beside_a_champion_the_evidence_decides(outcome: str, promotes: bool, what: str) -> None:
    verdict = judged(evaluation(champion={}), decision(outcome))
    assert (verdict.promotes, verdict.decision, verdict.served) == (promotes, what, 4)
    assert verdict.reasons[0]["code"] == "evidence"


def test_only_a_refresh_names_its_anchor_since_every_other_version_is_one() -> None:
    assert judged(evaluation(champion={}), decision(REFRESH)).anchor_version == 2
    assert judged(evaluation(champion={}), decision(BETTER)).anchor_version is None


def test_no_evidence_outweighs_a_threshold() -> None:
    verdict = judged(evaluation({"AUC": AT_LEAST["AUC"] - 0.1}, champion={}), decision(BETTER))
    assert (verdict.promotes, verdict.decision) == (False, "rejected")
    assert [reason["code"] for reason in verdict.reasons] == ["below_threshold", "evidence"]


def test_a_comparison_that_was_not_made_is_never_taken_for_a_pass() -> None:
    with pytest.raises(ValueError, match="was not"):
        judge(evaluation(champion={}), None, settings=SETTINGS, out=Path("out"))


def test_every_reason_is_given_not_only_the_first() -> None:
    candidate = evaluation({"AUC": AT_LEAST["AUC"] - 0.1, "BinaryAccuracy": AT_MOST["BinaryAccuracy"] + 0.01})
    assert verdict_codes(candidate)[1] == ["below_threshold", "leak_suspected"]


def test_an_incomparable_champion_needs_an_explicit_word() -> None:
    candidate = evaluation(incomparable="it predicts Segmentation = A")
    assert verdict_codes(candidate) == (False, ["incomparable_champion"])
    accepted = replace(SETTINGS, accept_incomparable=True)
    assert verdict_codes(candidate, accepted) == (True, ["thresholds_reached", "incomparable_accepted"])


def test_the_champion_once_more_is_neither_promoted_nor_rejected() -> None:
    for same, said in (("bytes", "Its bytes are those of version 4"), ("answers", "Its answers to all 1600")):
        verdict = judged(replace(evaluation(champion={}), same=same))
        assert (verdict.promotes, verdict.same) == (False, True)
        assert [reason["code"] for reason in verdict.reasons] == ["same_as_champion"]
        assert said in verdict.sentences[0]
    below = judged(replace(evaluation({"AUC": 0.5}, champion={"AUC": 0.5}), same="bytes"))
    assert (below.promotes, below.same, below.reasons[0]["code"]) == (False, False, "below_threshold")


def test_real_data_replace_a_sample_by_the_thresholds_and_the_first_run_rule() -> None:
    real = replace(evaluation(incomparable="it was trained on the SAMPLE"), replaces_sample=True)
    assert verdict_codes(real) == (True, ["thresholds_reached", "replaces_sample"])
    assert verdict_codes(real, replace(SETTINGS, first_run_promotes=False)) == (False, ["first_run"])
    assert verdict_codes(replace(real, metrics=GOOD | {"AUC": 0.5})) == (False, ["below_threshold"])


def test_the_verdict_names_the_version_that_it_beats_only_if_it_does() -> None:
    held = replace(evaluation(champion={}), gone_back_from="c")
    for ends_hold, named in ((True, "c"), (False, "")):
        assert judged(held, replace(decision(BETTER), ends_hold=ends_hold)).better_than == named
    assert judged(replace(held, incomparable="x"), None, replace(SETTINGS, accept_incomparable=True)).better_than == ""
