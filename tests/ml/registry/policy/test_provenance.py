"""Where data come from, as a kind: what is comparable, and what the sample may never replace."""

from __future__ import annotations

from typing import Any

import pytest

from ml.errors import FinalError
from ml.registry.ledger.entries import CONFIRMED, INTENT
from ml.registry.ledger.ledger import Version
from ml.registry.policy.provenance import (
    FILE,
    SAMPLE,
    UNKNOWN,
    difference,
    is_real,
    is_sample,
    kind_of,
    kind_of_data,
    kind_of_source,
    refuse_sample,
)

KAGGLE = "kaggle:someone/customers"


def version(**intent: Any) -> Version:
    return Version(3, CONFIRMED, "r", intent | {"event": INTENT}, {})


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("sample:8000 rows, seed 3", SAMPLE),
        ("kaggle:someone/customers/Train.csv", KAGGLE),
        ("kaggle:someone/customers/7/Train.csv", KAGGLE),
        ("inbox:customers.csv", FILE),
        ("inbox:sample.csv", FILE),
        ("file:kaggle.csv", FILE),
        ("", UNKNOWN),
    ],
)
def test_a_source_is_of_a_kind_whatever_the_file_is_called(source: str, kind: str) -> None:
    assert kind_of_source(source) == kind
    assert kind_of({"source": source}) == kind, "an entry that older code wrote"
    assert kind_of({"source": source, "source_kind": KAGGLE}) == KAGGLE


def test_the_champions_bytes_are_of_its_source_whichever_way_they_come() -> None:
    champion = version(source="kaggle:someone/customers/Train.csv", data_sha256="a")
    assert kind_of_data("inbox:downloaded.csv", "a", champion=champion, events=[]) == KAGGLE
    assert kind_of_data("inbox:downloaded.csv", "b", champion=champion, events=[]) == FILE
    carried_on = version(source="inbox:x.csv", source_kind=KAGGLE, data_sha256="a")
    assert kind_of_data("file:x.csv", "a", champion=carried_on, events=[]) == KAGGLE


def test_a_sample_that_comes_back_as_a_file_is_still_a_sample() -> None:
    events = [{"event": INTENT, "source": "sample:8000 rows, seed 3", "data_sha256": "a"}]
    champion = version(source="inbox:mine.csv", data_sha256="b")
    assert kind_of_data("inbox:customers.csv", "a", champion=champion, events=events) == SAMPLE


def test_models_of_different_kinds_are_not_comparable() -> None:
    assert difference(FILE, FILE) == difference(UNKNOWN, UNKNOWN) == difference(FILE, UNKNOWN) == ""
    for one, other in (
        (SAMPLE, UNKNOWN),
        (SAMPLE, FILE),
        (FILE, KAGGLE),
        (KAGGLE, "kaggle:other/customers"),
        (FILE, SAMPLE),
    ):
        assert difference(one, other).startswith("it was trained on ")
    assert "SAMPLE" in difference(FILE, SAMPLE)
    assert "Kaggle's someone/customers" in difference(FILE, KAGGLE)


def test_the_sample_is_refused_beside_a_model_of_real_data_unless_that_is_accepted() -> None:
    real, made_up, older = version(source="inbox:a.csv"), version(source="sample:1 rows, seed 1"), version()
    assert [is_real(v) for v in (real, made_up, older, None)] == [True, False, False, False]
    assert [is_sample(v) for v in (real, made_up, older, None)] == [False, True, False, False]
    with pytest.raises(FinalError, match=r"Version 3, the champion, was trained on a file of your own.*DATA=file\.csv"):
        refuse_sample(real, accepted=False)
    for champion, accepted in ((real, True), (made_up, False), (older, False), (None, False)):
        refuse_sample(champion, accepted=accepted)
