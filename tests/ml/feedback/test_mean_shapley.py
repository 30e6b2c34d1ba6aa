"""What moves the scores of each week's customers, with a model that was really trained."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.data.features import FEATURES, NUMERIC
from ml.evaluation.rows.scoring import loaded
from ml.feedback.performance_text import performance_text
from ml.feedback.reading import Directories
from ml.feedback.shapley.evaluated_rows import evaluated_rows
from ml.feedback.shapley.explainer import FEWEST
from ml.feedback.shapley.weeks import ROWS
from ml.feedback.update import update_live_performance
from ml.performance.live import LivePerformance, VersionPerformance
from ml.performance.live_file import read_live_performance
from ml.registry.kept_data import kept_data
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from serving.reasons.background import read_background
from serving.reasons.columns import Instance, columns_of
from serving.reasons.shapley import pair_values
from serving.records.journal import Journal
from serving.records.private_files import private_directory
from serving.records.row import RecordedRow
from tests.ml.feedback.campaigns import FIRST, MODEL, SETTINGS

WEEK = timedelta(weeks=1)
AFTER = FIRST + 4 * WEEK


def customers(root: Root, rows: int) -> list[Instance]:
    champion = Ledger(root.ledger).champion()
    assert champion is not None
    csv = kept_data(root, champion.intent["data_sha256"])
    assert csv is not None
    return evaluated_rows(root.release(1), csv, rows)


def record(root: Root, at: datetime, rows: Sequence[Instance], version: str = "1") -> None:
    """Rows as the gateway records them: a value that was not sent is not there."""
    directory = private_directory(Directories.of(root, SETTINGS.feedback).record, "--record")
    time, name = at.isoformat(timespec="microseconds"), f"{at:%j}"
    journal = Journal(directory, at)
    for number, row in enumerate(rows, start=1):
        features = {feature: value for feature, value in row.items() if value is not None}
        one = RecordedRow(time, name, number, MODEL, version, 0.5, "rest", features=features)  # type: ignore[arg-type]
        journal.append(one.line())
    journal.close()


def champion_of(performance: LivePerformance | None) -> VersionPerformance:
    assert performance is not None
    (found,) = [one for one in performance.versions if one.is_champion]
    return found


@pytest.fixture
def served(promoted_root: Root) -> Root:
    """The champion was asked for customers like those of its evaluation, and a week later for young ones only."""
    data = customers(promoted_root, 600)
    record(promoted_root, FIRST, data[200:500])
    record(promoted_root, FIRST + WEEK, [{**row, "Age": 20.0} for row in data[200:300]])
    return promoted_root


def test_a_week_like_the_evaluation_leans_on_the_same_features_and_another_one_does_not(served: Root) -> None:
    found = champion_of(update_live_performance(served, SETTINGS, now=AFTER))
    first, second = found.shapley
    reference = found.reference_shapley
    assert reference is not None
    assert [(one.week, one.rows) for one in (first, second, reference)] == [
        ("2026-W45", ROWS),
        ("2026-W46", 100),
        ("", ROWS),
    ]
    assert set(first.mean) == set(FEATURES)
    for name in FEATURES:
        here, there = first.mean[name], reference.mean[name]
        spread = ((here.high - here.low) ** 2 + (there.high - there.low) ** 2) ** 0.5
        assert abs(here.value - there.value) < spread
    assert second.mean["Age"].low > reference.mean["Age"].high


def test_the_values_are_those_of_the_definition(served: Root) -> None:
    """Against a computation of its own: each customer against each row of the background, weighted."""
    found = champion_of(update_live_performance(served, SETTINGS, now=AFTER)).shapley[1]
    background = read_background(served.release(1) / "background.json")
    rows = [{**row, "Age": 20.0} for row in customers(served, 300)[200:]]
    with loaded(served.version(MODEL, 1)) as servable:
        pairs = pair_values(
            columns_of(rows, FEATURES, NUMERIC),
            columns_of(background.instances, FEATURES, NUMERIC),
            lambda columns: servable.run(
                {
                    name: column if column.dtype == object else column.astype("float32")
                    for name, column in columns.items()
                }
            )["probability"],
        )
    right = np.abs(np.einsum("nmf,m->nf", pairs.values, background.weight)).mean(axis=0)
    assert [found.mean[name].value for name in FEATURES] == pytest.approx(right.tolist(), abs=1e-5)


def test_what_was_computed_once_is_kept_when_model_and_record_are_gone(
    served: Root, caplog: pytest.LogCaptureFixture
) -> None:
    first = champion_of(update_live_performance(served, SETTINGS, now=AFTER))
    shutil.rmtree(served.version(MODEL, 1))
    shutil.rmtree(Directories.of(served, SETTINGS.feedback).record)
    again = champion_of(update_live_performance(served, SETTINGS, now=AFTER))
    assert (again.shapley, again.reference_shapley) == (first.shapley, first.reference_shapley)
    assert caplog.records == []
    record(served, FIRST + 2 * WEEK, customers(served, 50))
    with caplog.at_level(logging.WARNING):
        later = champion_of(update_live_performance(served, SETTINGS, now=AFTER))
    assert later.shapley == first.shapley
    assert "what moves the scores of version 1 is not known: there is no " in caplog.text
    assert champion_of(read_live_performance(served)).shapley == first.shapley


def test_a_week_that_is_not_over_or_has_few_rows_waits(promoted_root: Root) -> None:
    record(promoted_root, FIRST, customers(promoted_root, FEWEST - 1))
    record(promoted_root, FIRST + WEEK, customers(promoted_root, 50))
    before = champion_of(update_live_performance(promoted_root, SETTINGS, now=FIRST + WEEK + timedelta(days=6)))
    assert before.shapley == ()
    after = champion_of(update_live_performance(promoted_root, SETTINGS, now=FIRST + 2 * WEEK))
    assert [week.week for week in after.shapley] == ["2026-W46"]
    text = performance_text(update_live_performance(promoted_root, SETTINGS, now=datetime(2026, 12, 1, tzinfo=UTC)))
    assert "mean |Shapley|" in text
    assert "2026-W46 (50)" in text


def test_without_a_column_in_the_record_the_log_says_which(
    promoted_root: Root, caplog: pytest.LogCaptureFixture
) -> None:
    record(promoted_root, FIRST, [{**row, "Gender": None} for row in customers(promoted_root, 50)])
    with caplog.at_level(logging.WARNING):
        found = champion_of(update_live_performance(promoted_root, SETTINGS, now=AFTER))
    assert found.shapley == ()
    assert "what moved the scores of 2026-W45 is not known: the record is without Gender" in caplog.text


def test_numbers_as_text_are_read_and_what_is_none_is_left_out(promoted_root: Root) -> None:
    data = customers(promoted_root, 50)
    record(
        promoted_root, FIRST, [{**row, "Age": "41"} for row in data[:30]] + [{**row, "Age": "old"} for row in data[30:]]
    )
    found = champion_of(update_live_performance(promoted_root, SETTINGS, now=AFTER))
    assert [week.rows for week in found.shapley] == [30]


def test_a_model_that_cannot_be_loaded_leaves_the_other_numbers(served: Root, caplog: pytest.LogCaptureFixture) -> None:
    (served.version(MODEL, 1) / "saved_model.pb").write_bytes(b"garbage")
    with caplog.at_level(logging.WARNING):
        found = champion_of(update_live_performance(served, SETTINGS, now=AFTER))
    assert found.shapley == ()
    assert found.traffic_share.is_known
    assert "what moves the scores of version 1 is not known: " in caplog.text


def test_a_background_of_another_model_is_not_used(served: Root, caplog: pytest.LogCaptureFixture) -> None:
    path = served.release(1) / "background.json"
    background = read_background(path)
    wrong = replace(background, scores=tuple(1 - score for score in background.scores))
    path.write_text(json.dumps(wrong.as_dict()))
    with caplog.at_level(logging.WARNING):
        assert champion_of(update_live_performance(served, SETTINGS, now=AFTER)).shapley == ()
    assert "belongs to another model" in caplog.text
