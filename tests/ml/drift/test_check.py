"""What is taken for drift of the traffic, and what is not."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any

import pytest

from ml.data.features import NUMERIC
from ml.data.schema import seed_schema
from ml.drift.check import check_traffic
from ml.drift.column_drift import TrainingStatistics
from ml.drift.finding import FALL, Finding
from ml.drift.traffic import read_traffic
from ml.errors import FinalError
from ml.registry.ledger.entries import TRIGGERED
from ml.registry.ledger.ledger import Ledger
from ml.validation.tfdv_statistics import value_ranges
from serving.records.record_directory import Unreadable, read_record
from tests.ml.drift.conftest import Site
from tests.ml.drift.world import DAY, Customer, older
from tests.ml.light_world import command


def as_text(customer: Customer) -> Customer:
    return {name: value if isinstance(value, str) else f"{value:g}" for name, value in customer.items()}


def without_age(customer: Customer) -> Customer:
    return {name: value for name, value in customer.items() if name != "Age"}


def keys(found: Any) -> list[str]:
    return [finding.key for finding in found.findings]


def test_customers_like_those_of_the_training_are_no_drift(site: Site) -> None:
    site.record(3000)
    found = site.look()
    assert (found.state, keys(found), found.asks) == ("steady", [], None)
    assert set(found.distances) == set(found.thresholds) == set(site.customers[0])
    assert found.rows == 3000
    assert all(distance < found.thresholds[name] for name, distance in found.distances.items())


def test_a_column_that_drifts_is_named_with_distance_and_threshold(site: Site) -> None:
    site.record(3000, change=older)
    found = site.look()
    assert keys(found) == ["drift: Age"]
    assert found.findings[0].sentence.startswith(
        "Column 'Age' of the requests drifted from the data of version 1: Jensen-Shannon divergence "
    )
    assert found.distances["Age"] > found.thresholds["Age"]
    assert found.asks is not None
    assert found.asks.text == "drift of Age"


def test_few_customers_alarm_nobody(site: Site) -> None:
    site.record(900, change=older)
    found = site.look()
    assert (found.state, keys(found), found.asks) == ("too few", [], None)
    assert "and 1,000 are needed: nothing can be said." in found.told


def test_who_scores_the_same_list_every_day_has_no_more_customers_for_it(site: Site) -> None:
    for days in range(5):
        site.record(900, change=older, day=DAY - timedelta(days=days), seed=4, named=True)
    found = site.look()
    assert (found.state, found.rows, found.customers) == ("too few", 4500, 900)


def test_numbers_that_are_sent_as_text_are_numbers(site: Site) -> None:
    site.record(3000, change=as_text)
    found = site.look()
    assert (found.state, keys(found)) == ("steady", [])
    assert set(found.distances) == set(site.customers[0])


def test_a_column_that_the_record_leaves_out_is_told_and_no_drift(site: Site) -> None:
    site.record(3000, change=without_age)
    found = site.look()
    assert (found.state, keys(found)) == ("steady", [])
    assert "Age" not in found.distances
    assert "Column 'Age' is not in the record (--record-without leaves it out), and not compared." in found.notes


def test_a_column_that_is_left_out_from_a_day_on_is_compared_where_it_is(site: Site) -> None:
    site.record(2000, day=DAY - timedelta(days=1))
    site.record(2000, change=without_age, seed=5)
    found = site.look()
    assert (found.state, keys(found)) == ("steady", [])
    assert "Age" in found.distances
    assert "Column 'Age' is in 2,000 of 4,000 rows; these were compared." in found.notes


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (999.0, "Column 'Age' is outside of what the schema allows in 1 row; they count as without a value."),
        (120.0, ""),
        ("forty", "Column 'Age' is no number in 1 row; they count as without a value."),
    ],
)
def test_one_odd_customer_is_no_drift(site: Site, age: float | str, told: str) -> None:
    site.record(3000)
    site.record(1, change=lambda customer: customer | {"Age": age}, seed=5)
    found = site.look()
    assert keys(found) == []
    assert [note for note in found.notes if "Age" in note] == ([told] if told else [])


def test_numbers_are_counted_in_the_range_of_the_training_data(site: Site) -> None:
    training = TrainingStatistics.read(site.root.release(1) / "statistics.pb").ranges()
    site.record(1000, change=lambda customer: customer | {"Age": 40.0})
    site.record(1, change=lambda customer: customer | {"Family_Size": 30.0}, seed=5)
    rows = read_record(site.root.path / "record", Unreadable())
    traffic = read_traffic(rows, seed_schema(), ranges=training, threshold=0.5)
    assert value_ranges(traffic.statistics.result()) == {name: training[name] for name in NUMERIC}


def test_more_predicted_targets_than_expected_are_two_findings_with_their_intervals(site: Site) -> None:
    site.record(3000, more=0.15)
    found = site.look()
    assert keys(found) == ["drift: predicted share", "drift: target share"]
    called, told = (finding.sentence for finding in found.findings)
    assert "of the customers are called targets (3" in called
    assert "of the evaluation rows were." in told
    for share in found.shares:
        assert share.low < share.value < share.high
        assert share.low > share.expected


def test_requests_of_other_days_versions_and_models_do_not_count(site: Site) -> None:
    site.record(3000)
    site.record(3000, change=older, version="2", seed=5)
    site.record(3000, change=older, version="unknown", seed=6)
    site.record(3000, change=older, day=DAY - timedelta(days=7), seed=7)
    site.record(3000, change=older, day=DAY + timedelta(days=1), seed=8)
    found = site.look()
    assert (found.rows, keys(found)) == (3000, [])


def test_a_look_is_noted_and_the_same_day_once(site: Site) -> None:
    site.record(3000, change=older)
    yesterday, today = site.look(DAY - timedelta(days=1)), site.look()
    again = site.look()
    noted = json.loads(site.root.monitoring.read_text())["checks"]
    assert [one["day"] for one in noted] == ["2026-11-29", "2026-11-28"]
    assert (yesterday.state, today.findings, today.asks) == ("too few", again.findings, again.asks)


def test_a_version_whose_release_tells_nothing_alarms_nobody(site: Site) -> None:
    site.record(3000, change=older)
    (site.root.release(1) / "statistics.pb").write_bytes(b"statistics")
    found = site.look()
    assert (found.state, found.asks) == ("too few", None)
    assert found.told.startswith("It is not known what to expect of version 1: ")


def test_a_record_of_somebody_else_is_no_empty_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.record(10)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(FinalError, match="the record cannot be read by this user"):
        site.look()


def test_before_the_first_version_there_is_nothing_to_look_at(site: Site) -> None:
    site.root.ledger.unlink()
    assert site.look().told == "No version serves yet, so there is no traffic to look at."


def test_the_same_finding_asks_again_only_after_the_cool_down(site: Site) -> None:
    site.record(3000, change=older)
    first = site.look()
    assert first.asks is not None
    Ledger(site.root.ledger).append(
        TRIGGERED, run_id="r", trigger=first.asks.text, day=str(DAY), findings=dict(first.asks.findings or {})
    )
    for days, asks in ((0, False), (1, False), (6, False), (7, True)):
        day = DAY + timedelta(days=days)
        site.record(3000, change=older, day=day, seed=10 + days)
        found = site.look(day)
        assert keys(found) == ["drift: Age"]
        assert (found.asks is not None) == asks
        assert bool(found.held_back) != asks
    assert site.look(DAY).held_back == (
        "Run r began for drift: Age of 2026-11-29; it asks for a retraining again from 2026-12-06 on, if it is still "
        "there.",
    )


def test_a_fall_of_the_performance_asks_too_whatever_the_traffic_says(site: Site) -> None:
    fall = Finding(FALL, "live performance", "The AUC is 0.700, where 0.880 was expected.")
    found = check_traffic(site.root, site.settings, day=DAY, found=(fall,))
    assert found.findings == (fall,)
    assert found.asks is not None
    assert found.asks.text == "fall of live performance"


def test_the_command_says_what_it_came_to_and_notes_both_files(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.record(3000, change=older)
    code, text = command(site.root, "monitor", "--day", str(DAY))
    assert code == 0, capsys.readouterr().err
    lines = text.splitlines()
    assert lines[0] == (
        f"3,000 rows about {site.look().customers:,} customers from 2026-11-23 to 2026-11-29 were compared with the "
        "data of version 1."
    )
    assert [line for line in lines if line.startswith("  drift     Column 'Age' of the requests drifted")]
    assert lines[-1] == "A retraining is asked for: drift of Age."
    assert site.root.performance.is_file()
    code, text = command(site.root, "monitor", "--day", str(DAY), "--json")
    assert (code, json.loads(text)["asks"]["day"]) == (0, "2026-11-29")


def test_a_day_that_is_still_to_come_is_refused(site: Site) -> None:
    assert command(site.root, "monitor", "--day", "2999-01-01") == (2, "")
