"""Where a rollback without a number goes: to other bytes, or nowhere."""

from __future__ import annotations

from ml.registry.ledger.entries import CONFIRMED, WITHDRAWN
from ml.registry.ledger.ledger import Version
from ml.registry.policy.rollback_target import default_target


def version(number: int, sha256: str, state: str = CONFIRMED, **intent: int | str) -> Version:
    return Version(number, state, f"run-{number}", {"model_sha256": sha256, **intent}, {})


def target(*versions: Version) -> int | None:
    """The number to which a rollback goes when the last version is the champion."""
    found = default_target(versions[-1], versions)
    return found.number if found else None


def test_it_goes_to_the_last_version_with_other_bytes() -> None:
    assert target(version(1, "a"), version(2, "b")) == 1
    assert target(version(1, "a"), version(2, "b"), version(3, "b")) == 1, "older code published the same again"
    assert target(version(1, "a"), version(2, "b"), version(3, "a"), version(4, "a")) == 2


def test_there_may_be_none() -> None:
    assert target(version(1, "a")) is None
    assert target(version(1, "a"), version(2, "a")) is None
    assert target(version(1, "a", WITHDRAWN), version(2, "b")) is None


def test_it_never_goes_from_real_data_to_a_sample() -> None:
    sample, real = "sample:8000 rows, seed 3", "inbox:customers.csv"
    assert target(version(1, "a", source=sample), version(2, "b", source=real)) is None
    older = version(1, "a", source=real), version(2, "b", source=sample)
    assert target(*older, version(3, "c", source=real)) == 1
    assert target(*older, version(3, "c", source=sample)) == 2


def test_what_stood_before_a_rollback_counts_from_the_bytes_that_came_back() -> None:
    back = version(3, "a", rollback_of=1)
    assert target(version(1, "a"), version(2, "b"), back) is None
    assert target(version(1, "a"), version(2, "b"), back, version(4, "c")) == 3
