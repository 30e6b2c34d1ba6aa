"""What is quarantined by the ledger, and from which moment on."""

from __future__ import annotations

from typing import Any

from ml.registry.ledger.entries import CONFIRMED, INTENT, KEPT, PUBLISHED, QUARANTINED, ROLLBACK
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
