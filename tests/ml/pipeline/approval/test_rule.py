"""About which candidates a person is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.artifacts import Verdict
from ml.config.overrides import APPROVALS
from ml.pipeline.approval.rule import asked_from, why_asked


def verdict(decision: str, *, champion: int | None = 1, served: int | None = 1) -> Verdict:
    return Verdict(Path(), "v", 3, True, [], "m", champion, {}, {}, decision=decision, served=served)


@pytest.mark.parametrize(
    ("decision", "champion", "served", "said"),
    [
        ("refresh", 1, 1, "nobody can tell whether it is better; it is a refresh"),
        ("first", None, None, "it would be the first version"),
        ("replaces_sample", 1, 1, "the first version of real data"),
        ("accepted", 1, 1, "the champion cannot be compared"),
        ("better", 1, None, "no model server could be asked"),
    ],
)
def test_unsure_asks_where_the_evidence_is_missing(
    decision: str, champion: int | None, served: int | None, said: str
) -> None:
    candidate = verdict(decision, champion=champion, served=served)
    assert why_asked(candidate, "never") == ""
    assert said in why_asked(candidate, "unsure")
    assert said in why_asked(candidate, "always")
    assert asked_from(candidate) == "unsure"


def test_a_better_one_is_asked_about_only_always() -> None:
    candidate = verdict("better")
    assert [bool(why_asked(candidate, approval)) for approval in APPROVALS] == [False, False, True]
    assert asked_from(candidate) == "always"
