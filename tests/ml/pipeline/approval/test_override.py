"""A permission for one candidate: what it passes, what it does not, when it ends, and what the ledger says of it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml.audit.history import history_text
from ml.cli.options import _end
from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError
from ml.monitoring.state_collectors import collect_ledger
from ml.pipeline.approval.decisions import approve, override, refuse
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.ancestry import anchor_of
from ml.reports.run.material import Material
from ml.reports.run.verdict import verdict_of
from ml.storage.root import Root
from tests.ml.light_world import command
from tests.ml.pipeline.approval.candidates import judged_run

HOUR = timedelta(hours=1)


@pytest.fixture
def settings(never_asked: Settings) -> Settings:
    return never_asked


def declined(root: Root, settings: Settings, decision: str = "rejected", code: str = "worse", **evaluated: Any) -> Run:
    run = judged_run(root, settings, decision=decision, code=code, **evaluated)
    with pytest.raises(NothingToDoError):
        run_step("promote", run)
    return run


def soon() -> datetime:
    return datetime.now(UTC) + HOUR


def metrics(root: Root) -> dict[str, float]:
    return {sample.name: sample.value for sample in collect_ledger(root) if not sample.labels}


@pytest.mark.parametrize(("decision", "code"), [("rejected", "below_threshold"), ("kept", "cannot_tell")])
def test_an_override_lets_one_candidate_be_approved(root: Root, settings: Settings, decision: str, code: str) -> None:
    run = declined(root, settings, decision, code, anchor_version=1)
    with pytest.raises(FinalError, match="does not wait") as error:
        approve(run, reason="r")
    assert f"python -m ml override {run.id} " in error.value.cure
    override(run, reason="the campaign needs it", until=soon())
    assert metrics(root)["retrain_overrides"] == 1
    assert metrics(root)["retrain_override_lapses_timestamp_seconds"] == pytest.approx(soon().timestamp(), abs=60)
    with pytest.raises(NothingToDoError):
        run_step("promote", run)
    assert Ledger(root.ledger).champion().number == 1, "a permission promotes nothing by itself"  # type: ignore[union-attr]
    done = approve(run, reason="go")
    assert done.version == 2
    intent = Ledger(root.ledger).versions()[2].intent
    assert (intent["decision"], intent["anchor"]) == ("overridden", 1)
    assert intent["reasons"][:2] == ["Overridden by ada: the campaign needs it.", "Approved by ada: go."]
    versions = Ledger(root.ledger).versions()
    assert anchor_of(versions[2], versions).number == 1, "as after a refresh"
    assert metrics(root)["retrain_overrides"] == 0, "it is used"
    assert run_step("promote", run)["artifact"]["version"] == 2, "also when the step is repeated"
    with pytest.raises(FinalError, match="needs no override: it was promoted, as version 2"):
        override(run, reason="r", until=soon())


def test_an_overridden_version_is_told_once_and_what_spoke_against_it_is_told_as_such(
    root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN__SERVING__URL", settings.serving.url)
    run = declined(root, settings, anchor_version=1)
    override(run, reason="the campaign needs it", until=soon())
    approve(run, reason="go")
    newest = history_text(Ledger(root.ledger).events(), champion=2).splitlines()[1:]
    assert [line.split()[0] for line in newest] == ["2", "1"]
    assert "promoted by override (champion)" in newest[0]
    told = {
        "because": ["Overridden by ada: the campaign needs it.", "Approved by ada: go."],
        "although": ["It is worse."],
    }
    for asked in (["status"], ["explain", run.id]):
        text = command(root, *asked)[1]
        lines = [line.split(maxsplit=1) for line in text.splitlines() if line.startswith("  ")]
        assert {side: [text for found, text in lines if found == side] for side in told} == told
    assert command(root, "explain", run.id)[1].startswith("Version 2 was promoted by override.")
    verdict = verdict_of(Material(root, run.id))
    assert (verdict.outcome, verdict.why, verdict.although) == ("promoted", told["because"], told["although"])


def test_what_cannot_be_compared_is_its_own_anchor(root: Root, settings: Settings) -> None:
    run = judged_run(
        root, settings, decision="rejected", code="incomparable_champion", incomparable="other data", anchor_version=1
    )
    override(run, reason="r", until=soon())
    approve(run, reason="r")
    versions = Ledger(root.ledger).versions()
    assert anchor_of(versions[2], versions).number == 2


def test_an_override_that_has_lapsed_permits_nothing(
    root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = declined(root, settings)
    with pytest.raises(FinalError, match="is past"):
        override(run, reason="r", until=datetime.now(UTC) - HOUR)
    override(run, reason="r", until=datetime.now(UTC) + timedelta(seconds=1.1))
    entry = Ledger(root.ledger).events()[-1]

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + HOUR

    for module in ("ml.pipeline.approval.decisions", "ml.pipeline.approval.permission"):
        monkeypatch.setattr(f"{module}.datetime", Later)
    assert entry["until"] < Later.now(UTC).isoformat()
    with pytest.raises(FinalError, match="its override has lapsed"):
        approve(run, reason="r")
    override(run, reason="once more", until=datetime.now(UTC) + 2 * HOUR)
    assert approve(run, reason="r").version == 2


def test_nothing_passes_the_alarm_of_too_good_metrics(root: Root, settings: Settings) -> None:
    run = declined(root, settings, code="leak_suspected")
    with pytest.raises(FinalError, match="cannot be overridden: It is leak_suspected"):
        override(run, reason="r", until=soon())
    by_hand(root, run)
    with pytest.raises(FinalError, match="cannot be overridden"):
        approve(run, reason="r")


def test_nothing_passes_a_quarantine(root: Root, settings: Settings) -> None:
    run = declined(root, settings)
    override(run, reason="r", until=soon())
    model_sha256 = Ledger(root.ledger).events()[-1]["model_sha256"]
    Ledger(root.ledger).append("quarantined", run_id="r", model_sha256=model_sha256, reason="bad")
    with pytest.raises(FinalError, match="its model is quarantined"):
        approve(run, reason="r")
    with pytest.raises(FinalError, match="its model is quarantined"):
        override(run, reason="r", until=soon())


def test_a_hold_is_passed_and_a_switch_is_not(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings)
    model_sha256 = run_sha256(run)
    Ledger(root.ledger).append("withheld", run_id="r", model_sha256=model_sha256, codes=["better", "hold"])
    override(run, reason="r", until=soon())
    assert approve(run, reason="r").version == 2


def test_what_needs_no_override_gets_none(root: Root, settings: Settings) -> None:
    from tests.ml.pipeline.approval.candidates import with_approval

    run = judged_run(root, with_approval(settings, "always"))
    with pytest.raises(NothingToDoError):
        run_step("promote", run)
    with pytest.raises(FinalError, match="needs no override: it waits") as error:
        override(run, reason="r", until=soon())
    assert "python -m ml approve r" in error.value.cure
    same = judged_run(root, settings, "same", decision="same", code="same_as_champion")
    with pytest.raises(FinalError, match="is the champion once more"):
        override(same, reason="r", until=soon())


def test_an_override_is_for_these_bytes_only(root: Root, settings: Settings) -> None:
    run = declined(root, settings)
    override(run, reason="r", until=soon())
    other = judged_run(root, settings, "other", decision="rejected", code="worse")
    with pytest.raises(FinalError, match="does not wait"):
        approve(other, reason="r")
    with pytest.raises(FinalError, match="does not wait"):
        refuse(other, reason="r")


def test_the_command_names_the_end(root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN__SERVING__URL", settings.serving.url)
    declined(root, settings)
    code, text = command(root, "override", "r", "--reason", "needed", "--until", "2")
    assert code == 0
    assert text.startswith("Run r may be promoted until 20")
    assert "OVERRIDE  run r may be approved until" in command(root, "status")[1]
    _, text = command(root, "approve", "r", "--reason", "go")
    assert "Permitted by the override of ada: needed" in text
    assert "Overridden by ada: needed." in command(root, "history", "--long")[1]


def test_a_time_is_hours_or_a_date() -> None:
    assert _end("24") - datetime.now(UTC) == pytest.approx(24 * HOUR, abs=timedelta(minutes=1))
    assert _end("2099-01-31T03:00:00+02:00") == datetime(2099, 1, 31, 1, tzinfo=UTC)
    for wrong in ("0", "-1", "nan", "1e9", "tomorrow"):
        with pytest.raises(argparse.ArgumentTypeError):
            _end(wrong)


def run_sha256(run: Run) -> str:
    from ml.artifacts import Model

    return run.artifact("train", Model).sha256


def by_hand(root: Root, run: Run) -> None:
    """An override that the command would not write."""
    facts = {"run_id": run.id, "model_sha256": run_sha256(run), "reason": "r", "until": soon().isoformat()}
    Ledger(root.ledger).append("overridden", **facts)
