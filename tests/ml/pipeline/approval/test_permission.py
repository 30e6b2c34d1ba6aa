"""Who may be promoted: each rule refuses and lets pass, and is asked again when the lock is held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import Verdict
from ml.config.settings import Settings, resolve
from ml.pipeline.approval.permission import NotPermittedError, refusal, require_permission
from ml.pipeline.run import Run
from ml.registry.ledger.entries import QUARANTINED, RELEASED, ROLLBACK, WITHHELD
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GOOD = Verdict(
    Path("judge"), "v", 3, True, [{"code": "better", "sentence": "Good."}], "m", 1, {}, {}, decision="better"
)
ON = resolve(environment={})
Event = dict[str, Any]


def event(name: str, **facts: Any) -> Event:
    return {"event": name, "at": NOW.isoformat(), "run_id": "r", **facts}


HELD = event(
    ROLLBACK, **{"from": 3}, target=1, result=4, withdraws={}, reason="rude", quarantines={"3": "c"},
    until=(NOW + timedelta(days=28)).isoformat(),
)  # fmt: skip


def asked(
    *events: Event, verdict: Verdict = GOOD, settings: Settings = ON, days: float = 0.0
) -> tuple[str, str] | None:
    now = NOW + timedelta(days=days)
    found = refusal(verdict, run_id="r", fingerprint="f", events=events, settings=settings, now=now)
    return (found.event, found.code) if found else None


def test_a_verdict_that_promotes_is_enough() -> None:
    assert asked() is None


def test_the_verdict_comes_first() -> None:
    assert asked(HELD, verdict=replace(GOOD, promotes=False, decision="kept")) == ("kept", "")


def test_promotion_that_is_switched_off_withholds() -> None:
    off = resolve(overrides=["promote.enabled=false"], environment={})
    assert asked(HELD, settings=off) == (WITHHELD, "")


def test_quarantined_bytes_and_what_was_made_of_the_same_are_withheld() -> None:
    assert asked(event(QUARANTINED, model_sha256="m", reason="r")) == (WITHHELD, "quarantined")
    assert asked(event(QUARANTINED, model_sha256="x", fingerprint="f", reason="r")) == (WITHHELD, "quarantined")
    assert asked(event(QUARANTINED, model_sha256="x", fingerprint="g", reason="r")) is None


def test_a_hold_withholds_until_it_ends() -> None:
    assert asked(HELD) == (WITHHELD, "hold")
    assert asked(HELD, event(RELEASED, reason="r")) is None
    assert asked(HELD, days=28) is None


def test_a_candidate_that_is_better_than_the_bad_version_passes_a_hold_and_no_quarantine() -> None:
    assert asked(HELD, verdict=replace(GOOD, better_than="c")) is None
    assert asked(HELD, verdict=replace(GOOD, better_than="another")) == (WITHHELD, "hold")
    bad = event(QUARANTINED, model_sha256="m", reason="r")
    assert asked(HELD, bad, verdict=replace(GOOD, better_than="c")) == (WITHHELD, "quarantined")


def test_the_ledger_is_asked_as_it_is_now(root: Root) -> None:
    run = Run(root, "r", ON)
    require_permission(run, GOOD, fingerprint="f")
    Ledger(root.ledger).append(QUARANTINED, run_id="r", model_sha256="m", reason="It is rude.")
    with pytest.raises(NotPermittedError, match="is quarantined: It is rude") as error:
        require_permission(run, GOOD, fingerprint="f")
    assert error.value.refusal.event == WITHHELD
