"""What is quarantined by the ledger, and from which moment on."""

from __future__ import annotations

from typing import Any

import pytest

from ml.registry.ledger.entries import ADOPTED, CONFIRMED, INTENT, KEPT, PROBATION, PUBLISHED, QUARANTINED, ROLLBACK
from ml.registry.policy.quarantine import quarantine_of

Event = dict[str, Any]


def event(name: str, **facts: Any) -> Event:
    return {"event": name, "at": "2026-11-28T12:00:00+00:00", "run_id": "r", **facts}


def back(*, result: int, **facts: Any) -> Event:
    return event(ROLLBACK, **{"from": 3}, target=2, result=result, withdraws={}, reason="rude", **facts)


def test_a_copy_takes_the_place_of_the_bad_one_at_the_moment_in_which_it_is_published() -> None:
    begun = [back(result=4, quarantines={"3": "c"}), event(INTENT, version=4, model_sha256="b")]
    assert quarantine_of(begun).models == {}, "3 is still the champion, and not a version between"
    other = event(PUBLISHED, version=4, run_id="other")
    assert quarantine_of([*begun, other]).models == {}
    assert quarantine_of([*begun, event(PUBLISHED, version=4)]).models == {"c": "rude"}


def test_without_a_copy_it_counts_at_once() -> None:
    assert quarantine_of([back(result=2, quarantines={"3": "c"})]).models == {"c": "rude"}


def test_a_rollback_of_older_code_quarantines_nothing() -> None:
    assert quarantine_of([back(result=2), back(result=4), event(PUBLISHED, version=4)]).models == {}


def test_bytes_and_fingerprint_are_against_a_candidate_and_nothing_else_is() -> None:
    made = [event(INTENT, version=3, model_sha256="c", fingerprint="f"), event(CONFIRMED, version=3)]
    other = event(KEPT, model_sha256="k", fingerprint="g", champion=3)
    found = quarantine_of([*made, other, event(QUARANTINED, model_sha256="c", reason="It is rude.")])
    assert found.against("c", "x") == "Its bytes are those of a model that is quarantined: It is rude."
    assert found.against("x", "f").endswith("settings and code as a model that is quarantined: It is rude.")
    assert found.against("x", "g") == found.against("k", "") == ""


@pytest.mark.parametrize("kind", [CONFIRMED, ADOPTED])
def test_who_broke_its_probation_is_quarantined_as_soon_as_another_is_the_champion(kind: str) -> None:
    bad = [event(INTENT, version=2, model_sha256="b", fingerprint="f"), event(CONFIRMED, version=2)]
    bad += [event(PROBATION, version=2, outcome="breached", reason="It is slow.")]
    begun = [*bad, event(INTENT, version=3, model_sha256="c"), event(PUBLISHED, version=3)]
    assert quarantine_of(begun).models == {}, "2 is still the champion: nobody has confirmed 3"
    found = quarantine_of([*begun, event(kind, version=3, model_sha256="c")])
    assert (found.models, found.fingerprints) == ({"b": "It is slow."}, {"f": "It is slow."})


def test_who_passed_its_probation_is_not() -> None:
    good = [event(INTENT, version=2, model_sha256="b"), event(PROBATION, version=2, outcome="passed", reason="Well.")]
    newer = [event(INTENT, version=3, model_sha256="c"), event(CONFIRMED, version=3)]
    assert quarantine_of([*good, *newer]).models == {}
