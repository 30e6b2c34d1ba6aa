"""How versions do, computed from files that the gateway's own code wrote, where the truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.config.settings import resolve
from ml.errors import FinalError
from ml.feedback.live_performance import live_performance
from ml.feedback.measures import NOBODY, NOT_COVERED
from ml.feedback.performance_text import performance_text
from ml.performance.live import LivePerformance, Measured
from ml.performance.live_file import read_live_performance, write_live_performance
from ml.storage.root import Root
from serving.records.outcome import Outcome
from tests.ml.feedback.campaigns import FIRST, SETTINGS, Campaign, feedback_of, release, write
from tests.ml.light_world import command

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def computed(root: Root, *overrides: str) -> LivePerformance:
    settings = resolve(overrides=overrides, environment={}) if overrides else SETTINGS
    return live_performance(root, settings, feedback_of(root), now=NOW)


def holds(measured: Measured, truth: float) -> bool:
    return measured.estimate.low <= truth <= measured.estimate.high


def test_a_list_that_explores_tells_of_all_customers_what_is_true_of_them(root: Root) -> None:
    release(root, 1)
    campaigns = [Campaign(name=f"list {number}", seed=number, answered=0.8) for number in range(4)]
    write(root, campaigns)
    found = computed(root).version(1)
    assert found is not None
    truth = np.concatenate([campaign.truth for campaign in campaigns])
    assert (found.scored, found.asked) == (8000, 2000)
    assert found.with_outcome == sum(len(campaign.outcomes) for campaign in campaigns)
    assert found.covers_all
    assert holds(found.share, truth.mean())
    assert holds(found.expected_share, truth.mean())
    assert found.precision.estimate.value > truth.mean() + 0.2  # those on the list are no sample of all
    assert holds(found.precision, found.expected_precision.estimate.value)
    assert holds(found.calibration_error, 0.0)
    assert holds(found.calibration_slope, 1.0)
    expected_auc = found.expected_auc.estimate.value
    assert holds(found.robust_auc, expected_auc)
    assert holds(found.auc, expected_auc)
    assert holds(found.traffic_share, truth.mean())
    assert found.fall == ""


def test_without_exploration_auc_and_share_are_not_told_and_the_reason_is(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign(explore=0.0)])
    performance = computed(root)
    (found,) = performance.versions
    assert not found.covers_all
    for measured in (found.auc, found.robust_auc, found.share, found.weeks[0].auc):
        assert (measured.is_known, measured.reason) == (False, NOT_COVERED)
    assert found.precision.is_known
    assert NOT_COVERED in performance_text(performance)


def test_few_from_below_the_cut_are_no_number(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign(explore=0.02)])
    (found,) = computed(root).versions
    assert found.covers_all
    assert found.auc.reason == found.robust_auc.reason == found.share.reason
    assert found.auc.reason == (
        "From below the cut 2 targets and 8 others have an outcome: it takes 10 of each for a number about all "
        "customers, which is about 40 more outcomes from there."
    )


def test_a_version_that_got_worse_has_fallen_and_the_command_says_so(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign(flip=0.4, listed=1000)])
    code, text = command(root, "performance")
    assert code == 0
    assert "  FALLEN: By 1,000 outcomes the AUC of version 1 is 0." in text
    kept = read_live_performance(root)
    assert kept is not None
    assert kept.versions[0].fall.startswith("By 1,000 outcomes")


@pytest.mark.parametrize(("settled_days", "is_judged"), [(27, True), (28, False)])
def test_a_fall_is_judged_once_the_outcomes_of_a_list_have_had_the_time_to_come(
    root: Root, settled_days: int, is_judged: bool
) -> None:
    """Targets tell later than others: a right version would have fallen by the lists of the last days."""
    release(root, 1)
    write(root, [Campaign(flip=0.4, listed=1000)])
    (found,) = computed(root, f"feedback.settled_days={settled_days}").versions
    assert (found.is_judged, bool(found.fall)) == (is_judged, is_judged)
    assert found.auc.is_known


def test_the_weeks_are_those_of_the_scoring(root: Root) -> None:
    release(root, 1)
    later = Campaign(name="later", started=FIRST + timedelta(weeks=1), seed=2, answered=0.0)
    write(root, [Campaign(), later])
    (found,) = computed(root).versions
    assert [(week.week, week.asked, week.with_outcome) for week in found.weeks] == [
        ("2026-W45", 500, 500),
        ("2026-W46", 500, 0),
    ]
    first, second = found.weeks
    assert holds(first.realised, first.expected.estimate.value)
    assert second.realised.reason == second.auc.reason == NOBODY


def test_each_version_has_its_own_and_the_newest_comes_first(root: Root) -> None:
    release(root, 9)
    write(root, [Campaign(version=9), Campaign(version=10, name="ten")])
    nine, ten = computed(root).version(9), computed(root).version(10)
    assert [one.version for one in computed(root).versions] == ["10", "9"]
    assert nine is not None
    assert ten is not None
    assert nine.note == ""
    assert ten.note.startswith("Its release record is not kept")
    assert ten.expected_auc.reason.startswith("The release record")
    assert np.isnan(ten.expected_precision.estimate.low)  # nobody knows how sure an uncalibrated probability is
    assert (ten.fall, ten.is_judged) == ("", False)
    last_lines = [part.splitlines()[-1] for part in performance_text(computed(root)).split("\n\n")[1:]]
    assert last_lines == [
        "  Whether it has fallen is not known: it takes outcomes of 200 customers whose lists have settled "
        "(feedback.settled_days), and a release record.",
        "  Nothing has fallen significantly.",
    ]


def test_money_is_told_only_when_it_is_set(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign()])
    assert "economics.value" in computed(root).versions[0].profit.reason
    found = computed(root, "economics.value=100.0", "economics.cost=10.0", "economics.currency=EUR")
    (version,) = found.versions
    reached = [outcome.label == "D" for outcome in Campaign().outcomes]
    assert version.profit.estimate.value == pytest.approx(1000 * (100 * np.mean(reached) - 10))
    assert found.currency == "EUR"
    assert " EUR" in performance_text(found)


def test_a_control_group_shows_what_asking_does(root: Root) -> None:
    release(root, 1)
    campaign = Campaign(control=0.3, listed=1000)
    control = {row.row for row in campaign.rows if row.group == "control"}
    # Asking turns all who were asked into targets.
    campaign.outcomes = [
        outcome if outcome.row in control else replace(outcome, label="D") for outcome in campaign.outcomes
    ]
    # A list without a control group: of whom nobody was asked for comparison, and nobody is compared.
    write(root, [campaign, Campaign(name="all asked", seed=2)])
    (found,) = computed(root).versions
    assert found.control_share.estimate.rows == 300
    assert found.uplift.estimate.rows == 1000
    assert found.uplift.estimate.value == pytest.approx(1 - found.control_share.estimate.value)
    assert found.asked == 700 + 500


def test_what_was_left_out_is_counted_with_its_first_places(root: Root) -> None:
    campaign = Campaign(customers=50, listed=10)
    campaign.outcomes += [Outcome("nowhere", number, label="D", date="2026-11-09") for number in range(1, 9)]
    write(root, [campaign])
    found = computed(root)
    assert found.left["unknown"].count == 8
    assert len(found.left["unknown"].places) == 5
    assert found.left["early"].count == 0
    assert found.outcomes == 18
    assert found.newest_outcome == FIRST + timedelta(days=8)
    assert found.newest_list == FIRST.date()
    line = next(line for line in performance_text(found).splitlines() if line.startswith("  unknown"))
    assert line.endswith(", ...")


def test_with_nothing_at_all_the_command_says_that(root: Root) -> None:
    code, text = command(root, "performance")
    assert code == 0
    assert "No outcomes have come (docs/outcomes.md)." in text
    kept = read_live_performance(root)
    assert kept is not None
    assert (kept.versions, kept.newest_outcome, kept.newest_list) == ((), None, None)


def test_the_file_says_what_was_computed_and_json_is_the_same(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign(), Campaign(version=2, name="two", explore=0.0)])
    found = computed(root)
    write_live_performance(root, found)
    kept = read_live_performance(root)
    assert repr(kept) == repr(found)  # NaN differs from itself
    assert "NaN" not in root.performance.read_text()
    _, text = command(root, "performance", "--json")
    again = json.loads(root.performance.read_text())
    assert json.loads(text) == again


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"computed": "2026"}', "null"])
def test_a_damaged_file_is_told_with_the_cure(root: Root, content: str) -> None:
    assert read_live_performance(root) is None
    root.performance.write_text(content)
    with pytest.raises(FinalError, match=r"performance\.json.*python -m ml performance"):
        read_live_performance(root)


def test_a_list_that_came_back_has_a_share_and_no_week(root: Root) -> None:
    release(root, 1)
    campaign = Campaign()
    on_list = {outcome.row: outcome for outcome in campaign.outcomes}
    back = [
        replace(on_list[row.row], version="1", probability=row.probability, propensity=row.propensity, group=row.group)
        for row in campaign.rows
        if row.row in on_list
    ]
    campaign.rows, campaign.outcomes = campaign.rows[:0], back
    write(root, [campaign])
    (found,) = computed(root).versions
    assert (found.undated, found.weeks) == (500, ())
    assert found.precision.estimate.rows == 400
    assert found.auc.is_known
    assert not found.robust_auc.is_known
    assert found.robust_auc.reason.startswith("Only lists that came back are known")
