"""Who waits, what a person may decide, what nobody may, and what stands in the ledger and the run's files then."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError
from ml.pipeline.approval import decisions
from ml.pipeline.approval.decisions import approve, override, refuse
from ml.pipeline.run import Run
from ml.pipeline.run_record import RunRecord
from ml.pipeline.steps import run_step
from ml.registry import promote
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.approvals import waiting_runs
from ml.registry.retention import clean_up
from ml.storage.root import Root
from tests.ml.light_world import command, released
from tests.ml.pipeline.approval.candidates import judged_run, with_approval

LATER = timedelta(hours=24)


@pytest.fixture
def settings(never_asked: Settings) -> Settings:
    """Always asked."""
    return with_approval(never_asked, "always")


def words(root: Root) -> list[str]:
    """The events since version 1 was confirmed."""
    return [event["event"] for event in Ledger(root.ledger).events()][3:]


def champion(root: Root) -> int | None:
    version = Ledger(root.ledger).champion()
    return version.number if version else None


def ends(run: Run) -> str:
    """The outcome of the step promote, which says that there is nothing to do."""
    with pytest.raises(NothingToDoError) as nothing:
        run_step("promote", run)
    assert RunRecord.read(run.directory).outcome == nothing.value.outcome
    return nothing.value.outcome


def test_a_candidate_waits_and_is_promoted_when_it_is_approved(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings)
    assert [ends(run), ends(run)] == ["waiting", "waiting"]
    assert words(root) == ["waiting"], "once, however often the step is repeated"
    waiting = Ledger(root.ledger).events()[-1]
    assert (waiting["champion"], waiting["decision"], waiting["asked_from"]) == (1, "better", "always")
    done = approve(run, reason="looks right")
    assert (done.version, done.override, champion(root)) == (2, None, 2)
    assert words(root) == ["waiting", "approved", "intent", "published", "confirmed"]
    approved, intent = Ledger(root.ledger).events()[4:6]
    assert (approved["who"], approved["reason"]) == ("ada", "looks right")
    assert approved["model_sha256"] == intent["model_sha256"] == waiting["model_sha256"]
    assert (intent["decision"], intent["reasons"][-1]) == ("better", "Approved by ada: looks right.")
    assert RunRecord.read(run.directory).outcome == "promoted"
    with pytest.raises(NothingToDoError, match="promoted already, as version 2"):
        approve(run, reason="again")
    with pytest.raises(FinalError, match="was promoted, as version 2") as error:
        refuse(run, reason="no")
    assert "rollback" in error.value.cure


@pytest.mark.parametrize("approval", ["never", "unsure"])
def test_nobody_is_asked_about_what_is_clear(root: Root, settings: Settings, approval: str) -> None:
    assert run_step("promote", judged_run(root, with_approval(settings, approval)))["artifact"]["version"] == 2


@pytest.mark.parametrize(("decision", "outcome"), [("rejected", "rejected"), ("kept", "kept"), ("same", "same")])
def test_nobody_is_asked_about_what_is_not_promoted(
    root: Root, settings: Settings, decision: str, outcome: str
) -> None:
    run = judged_run(root, settings, decision=decision, code="worse")
    assert ends(run) == outcome
    for decide in (approve, refuse):
        with pytest.raises(FinalError, match=f"does not wait for anybody: it ended as {outcome}"):
            decide(run, reason="r")
    assert words(root) == [outcome]


def test_promotion_that_is_switched_off_asks_nobody(root: Root, settings: Settings) -> None:
    from dataclasses import replace

    run = judged_run(root, replace(settings, promote=replace(settings.promote, enabled=False)))
    assert ends(run) == "withheld"
    with pytest.raises(FinalError, match="does not wait"):
        approve(run, reason="r")
    with pytest.raises(FinalError, match="needs no override: its candidate earned promotion"):
        override(run, reason="r", until=datetime.now(UTC) + LATER)


def test_a_refused_candidate_is_never_approved_without_an_override(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings)
    ends(run)
    refuse(run, reason="not before the holidays")
    assert RunRecord.read(run.directory).outcome == "refused"
    with pytest.raises(NothingToDoError, match="refused already"):
        refuse(run, reason="again")
    with pytest.raises(FinalError, match="does not wait: it was refused") as error:
        approve(run, reason="r")
    assert "python -m ml override r" in error.value.cure
    assert ends(run) == "refused", "a step that is repeated finds the refusal"
    assert words(root) == ["waiting", "refused"]
    override(run, reason="the holidays are over", until=datetime.now(UTC) + LATER)
    done = approve(run, reason="now")
    assert done.version == 2
    assert done.override is not None
    assert done.override["reason"] == "the holidays are over"


def test_a_stale_candidate_is_refused_before_anything_is_noted(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings)
    ends(run)
    released(root, with_approval(settings, "never"), "two")
    before = words(root)
    with pytest.raises(FinalError, match="stale: its candidate was compared with version 1, and the champion is now"):
        approve(run, reason="r")
    assert words(root) == before
    assert RunRecord.read(run.directory).outcome == "waiting"
    assert list(waiting_runs(Ledger(root.ledger).events(), champion=2)) == [], "nobody waits for a stale one"
    assert " stale " in command(root, "history")[1]
    assert "Run r waited for a person and is stale: another version serves" in command(root, "explain", "r")[1]
    refuse(run, reason="too late")


def test_that_a_candidate_is_stale_is_said_before_a_hold(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings)
    ends(run)
    assert " waiting " in command(root, "history")[1]
    released(root, with_approval(settings, "never"), "two")
    released(root, with_approval(settings, "never"), "three")
    assert command(root, "rollback", "--reason", "bad", "--serving-url", settings.serving.url)[0] == 0
    with pytest.raises(FinalError, match="is stale: its candidate") as refused:
        approve(run, reason="r")
    assert "release" not in refused.value.cure


def test_another_version_that_serves_makes_it_stale(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings, served=7)
    ends(run)
    with pytest.raises(FinalError, match="version 7 served, or was to serve"):
        approve(run, reason="r")
    assert champion(root) == 1


def test_changed_bytes_are_not_approved_and_not_overridden(root: Root, settings: Settings) -> None:
    run = judged_run(root, settings)
    ends(run)
    (run.step_directory("train") / "saved_model" / "saved_model.pb").write_text("other")
    for decide in (approve, lambda run, reason: override(run, reason=reason, until=datetime.now(UTC) + LATER)):
        with pytest.raises(FinalError, match="the files of step 'train' were changed"):
            decide(run, reason="r")
    assert words(root) == ["waiting"]


def test_wrong_answers_are_not_promoted(root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: Any) -> None:
        raise FinalError("A private server answered known row 7 wrongly.", "Train again.")

    monkeypatch.setattr(promote, "_answers_privately", wrong)
    run = judged_run(root, settings, decision="rejected", code="below_threshold")
    ends(run)
    override(run, reason="r", until=datetime.now(UTC) + LATER)
    with pytest.raises(FinalError, match="known row 7"):
        approve(run, reason="r")
    assert (champion(root), RunRecord.read(run.directory).outcome) == (1, "failed")


@pytest.mark.parametrize("step", ["ingest", "validate"])
def test_a_run_that_was_stopped_has_nothing_to_decide_about(root: Root, settings: Settings, step: str) -> None:
    run = judged_run(root, settings)
    path = run.directory / "results" / f"{step}.json"
    stopped = {"outcome": "failed", "error": {"type": "BlockedError", "what": "Bad data."}}
    path.write_text(json.dumps(json.loads(path.read_text()) | stopped))
    with pytest.raises(FinalError, match=f"it ended as blocked at {step}"):
        override(run, reason="r", until=datetime.now(UTC) + LATER)


@pytest.mark.parametrize("killed_at", ["promote", "confirm"])
def test_an_approval_that_was_killed_is_repeated(
    root: Root, settings: Settings, killed_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = judged_run(root, settings)
    ends(run)

    def killed(name: str, run: Run) -> dict[str, Any]:
        if name == killed_at:
            raise KeyboardInterrupt
        return run_step(name, run)

    monkeypatch.setattr(decisions, "run_step", killed)
    with pytest.raises(KeyboardInterrupt):
        approve(run, reason="first")
    monkeypatch.setattr(decisions, "run_step", run_step)
    assert approve(run, reason="second").version == 2
    assert words(root) == ["waiting", "approved", "intent", "published", "confirmed"]


def test_a_refusal_that_was_killed_is_repeated(root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    run = judged_run(root, settings)
    ends(run)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decisions, "_note_refusal", killed)
    with pytest.raises(KeyboardInterrupt):
        refuse(run, reason="r")
    monkeypatch.undo()
    with pytest.raises(NothingToDoError):
        refuse(run, reason="r")
    assert (words(root), RunRecord.read(run.directory).outcome) == (["waiting", "refused"], "refused")


def test_a_refusal_that_comes_first_stops_a_promotion_under_the_lock(
    root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.pipeline.approval import permission

    run = judged_run(root, settings)
    ends(run)
    Ledger(root.ledger).append(
        "approved",
        run_id="r",
        model_sha256=Ledger(root.ledger).events()[-1]["model_sha256"],
        champion=1,
        reason="yes",
    )
    asked = permission.require_permission

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        found = asked(*arguments, **named)
        refuse_by_hand(root)
        return found

    monkeypatch.setattr("ml.pipeline.promotion_steps.require_permission", meanwhile)
    with pytest.raises(NothingToDoError, match="Refused by"):
        run_step("promote", run)
    assert RunRecord.read(run.directory).outcome == "refused"
    assert champion(root) == 1


def refuse_by_hand(root: Root) -> None:
    ledger = Ledger(root.ledger)
    ledger.append("refused", run_id="r", model_sha256=ledger.events()[-1]["model_sha256"], reason="no")


def test_the_last_runs_go_but_not_the_one_that_waits(root: Root, settings: Settings) -> None:
    from dataclasses import replace

    few = replace(settings, keep=replace(settings.keep, runs=1))
    ends(judged_run(root, few, "waits"))
    for name in ("b", "c"):
        ends(judged_run(root, few, name, decision="rejected", code="worse"))
    clean_up(root, few)
    assert (root.run("waits") / "judge").is_dir()
    assert not root.run("b").exists()
    refuse(Run(root, "waits", few), reason="r")
    clean_up(root, few)
    assert not root.run("waits").exists()


def test_the_commands_say_what_they_did(
    root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RETRAIN__SERVING__URL", settings.serving.url)
    ends(judged_run(root, settings, "waits"))
    ends(judged_run(root, settings, "other"))
    _, text = command(root, "status")
    assert "WAITING   run waits for a person since" in text
    assert "python -m ml approve other --reason '...' (or refuse)" in text
    code, text = command(root, "refuse", "other", "--reason", "no\x1b[2J")
    assert (code, text) == (0, "Run other is refused. What serves goes on serving.\n")
    assert command(root, "refuse", "other", "--reason", "no") == (0, "Run other was refused already.\n")
    code, text = command(root, "approve", "waits", "--reason", "looks right")
    assert code == 0
    assert text.startswith("Version 2 serves since ")
    assert (root.card(2) / "card.html").is_file()
    _, text = command(root, "history", "--long")
    assert "refused by ada" in text
    assert "refused by ada: no\\x1b[2J" in text
    assert "Approved by ada: looks right." in text
    _, text = command(root, "explain", "waits")
    assert text.startswith("Version 2 was promoted.")
    assert "ada, looks right" in text
    _, text = command(root, "explain", "other")
    assert text.startswith("Run other was refused by ada (no\\x1b[2J): no version came of it.\n  although ")
    assert command(root, "approve", "nowhere", "--reason", "r")[0] == 2
    assert "There is no run nowhere" in caplog.text
    assert os.environ["RETRAIN_WHO"] == "ada"


def test_who_approves_learns_that_another_schema_came_into_force(
    root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN__SERVING__URL", settings.serving.url)
    ends(judged_run(root, settings, "waits"))
    facts = {"number": 1, "schema_sha256": "f" * 64, "previous_sha256": "", "seed_sha256": ""}
    Ledger(root.ledger).append("schema", run_id="s", reason="pilots", **facts)
    code, text = command(root, "approve", "waits", "--reason", "looks right")
    assert (code, text.splitlines()[1][-15:]) == (0, " by ada: pilots")
    assert "another schema than the one in force now, schema 1, accepted 20" in text
