"""Which outcomes join a training set, what is said of the others, and when it is said that all are of lists."""

from __future__ import annotations

import csv
import hashlib
import logging
from typing import Any

import pytest

from ml.artifacts import Dataset
from ml.data.outcomes.content import data_sha256
from ml.data.schema import seed_schema
from ml.feedback.training.joining import join_outcomes
from ml.storage.root import Root
from serving.records.outcome import Outcome
from tests.ml.feedback.gateway_files import ARTIST, MODEL, directories_of, outcome, record, recorded, tell

BASE = b"ID,Segmentation\n1,A\n"


def joined(root: Root) -> Dataset:
    place = root.path / "ingest"
    place.mkdir(exist_ok=True)
    (place / "data.csv").write_bytes(BASE)
    dataset = Dataset(place, hashlib.sha256(BASE).hexdigest(), 1, "kaggle:owner/name/Train.csv")
    return join_outcomes(dataset, directories_of(root), model=MODEL, target="D", schema=seed_schema())


def summary(root: Root) -> Any:
    found = joined(root).outcomes
    assert found is not None
    return found


def rows(dataset: Dataset) -> list[dict[str, str]]:
    with (dataset.path / "outcomes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_without_outcomes_the_data_set_stays_as_it_is(root: Root) -> None:
    found = joined(root)
    assert (found.sha256, found.outcomes) == (hashlib.sha256(BASE).hexdigest(), None)
    assert not (found.path / "outcomes.csv").exists()


def test_rows_stand_in_a_file_of_their_own_and_the_hash_covers_them(root: Root) -> None:
    record(root, recorded(1), recorded(2, version="4"), recorded(3))
    tell(root, outcome(2, "rest", "2026-11-08"), outcome(1))
    found = joined(root)
    assert (found.path / "data.csv").read_bytes() == BASE
    assert (found.source, found.rows) == ("kaggle:owner/name/Train.csv", 1)
    assert found.sha256 == data_sha256(found.csv) != found.base_sha256 == hashlib.sha256(BASE).hexdigest()
    assert found.outcomes is not None
    facts = {name: found.outcomes[name] for name in ("rows", "versions", "first", "last", "left_out")}
    assert facts == {
        "rows": 2, "versions": {"3": 1, "4": 1}, "first": "2026-11-08", "last": "2026-11-10", "left_out": {},
    }  # fmt: skip
    assert [(row["ID"], row["outcome"], row["Age"], row["version"]) for row in rows(found)] == [
        ("c1", "D", "22.0", "3"),
        ("c2", "rest", "22.0", "4"),
    ]


def test_the_same_files_make_the_same_hash_and_one_more_outcome_another(root: Root) -> None:
    record(root, recorded(1), recorded(2))
    tell(root, outcome(1))
    first = joined(root).sha256
    assert joined(root).sha256 == first
    tell(root, outcome(2))
    assert joined(root).sha256 != first


def test_a_customer_counts_once_with_the_latest_outcome(root: Root) -> None:
    record(root, recorded(1, customer="9"), recorded(1, customer="9.0", request_id="later"))
    tell(root, outcome(1, "D", "2026-11-12"), outcome(1, "rest", "2026-11-09", "later"))
    found = joined(root)
    assert [(row["ID"], row["outcome"]) for row in rows(found)] == [("9", "D")]
    assert found.outcomes is not None
    assert found.outcomes["left_out"] == {"superseded": 1}


@pytest.mark.parametrize(
    ("case", "row"),
    [
        ("no_customer", recorded(1, customer="")),
        ("no_version", recorded(1, version="unknown")),
        ("control", recorded(1, group="control")),
        ("not_in_schema", recorded(1, features={**ARTIST, "Profession": "Astronaut"})),
        ("not_in_schema", recorded(1, features={**ARTIST, "Age": 121.0})),
        ("not_in_schema", recorded(1, features={**ARTIST, "Age": "22"})),
        ("not_in_schema", recorded(1, features={k: v for k, v in ARTIST.items() if k != "Gender"})),
        ("not_in_schema", recorded(1, features=dict.fromkeys(ARTIST))),
        ("early", recorded(1, time="2026-11-12T08:00:00.000000+00:00")),
    ],
)
def test_what_cannot_be_trained_on_is_left_out_and_counted(root: Root, case: str, row: Any) -> None:
    record(root, row, recorded(2))
    tell(root, outcome(1), outcome(2))
    found = joined(root)
    assert [one["ID"] for one in rows(found)] == ["c2"]
    assert found.outcomes is not None
    assert found.outcomes["left_out"] == {case: 1}


def test_words_of_another_target_and_lists_without_a_record_are_left_out(root: Root) -> None:
    record(root, recorded(1), recorded(2))
    returned = Outcome("other", 5, "c5", "D", "2026-11-10", "3", 0.5, 0.5)
    tell(root, outcome(1, "A/B"), outcome(2), returned)
    assert summary(root)["left_out"] == {"no_features": 1, "other_words": 1}


def test_a_customer_whom_only_the_outcome_names_joins(root: Root) -> None:
    record(root, recorded(1, customer=""))
    tell(root, Outcome("list", 1, "17", "D", "2026-11-10"))
    assert [row["ID"] for row in rows(joined(root))] == ["17"]


def test_categories_are_spelled_as_the_schema_does_and_missing_values_are_empty(root: Root) -> None:
    record(root, recorded(1, features={**ARTIST, "Gender": " female", "Profession": None, "Age": float("nan")}))
    tell(root, outcome(1))
    (row,) = rows(joined(root))
    assert (row["Gender"], row["Profession"], row["Age"]) == ("Female", "", "")


def test_it_warns_when_a_list_gave_nobody_else_a_chance(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    record(root, *(recorded(n, propensity=1.0 if n <= 3 else 0.0) for n in range(1, 9)))
    tell(root, *(outcome(n) for n in (1, 2, 3)))
    with caplog.at_level(logging.WARNING):
        found = summary(root)
    assert found["chances"] == {"rows": 3, "unknown": 0, "closed": 3, "explored": 0}
    assert found["warning"] in caplog.text
    assert found["warning"].startswith(
        "All 3 outcomes are of customers on lists (3 of lists that gave nobody else a chance): the model would learn "
        "nothing about the others."
    )


def test_it_warns_when_nobody_knows_who_had_a_chance(root: Root) -> None:
    record(root, recorded(1, propensity=None), recorded(2))
    returned = Outcome("list", 2, None, "D", "2026-11-10", "3", 0.5, 0.5)
    tell(root, outcome(1), returned)
    found = summary(root)
    assert found["chances"] == {"rows": 2, "unknown": 2, "closed": 0, "explored": 0}
    assert "2 of whom nobody knows with which probability they were asked" in found["warning"]


def test_it_warns_when_those_from_below_the_cut_have_no_outcome_yet(root: Root) -> None:
    record(root, recorded(1, propensity=1.0), recorded(2, propensity=0.1, group="explored"))
    tell(root, outcome(1))
    found = summary(root)
    assert found["warning"].startswith(
        "The only outcome is of a customer on lists (1 whom their lists were most likely to choose)"
    )


def test_it_does_not_warn_when_exploration_gave_everybody_a_chance(
    root: Root, caplog: pytest.LogCaptureFixture
) -> None:
    listed = [recorded(n, propensity=1.0) for n in (1, 2)]
    record(root, *listed, *(recorded(n, propensity=0.25, group="explored") for n in range(3, 7)))
    tell(root, outcome(1), outcome(2), outcome(5, "rest"))
    with caplog.at_level(logging.WARNING):
        found = summary(root)
    assert found["chances"] == {"rows": 3, "unknown": 0, "closed": 0, "explored": 1}
    assert found["warning"] == "" == caplog.text


def test_an_identifier_may_hold_commas_and_quotes(root: Root) -> None:
    record(root, recorded(1, customer='a "quoted", name'))
    tell(root, outcome(1))
    assert [row["ID"] for row in rows(joined(root))] == ['a "quoted", name']
