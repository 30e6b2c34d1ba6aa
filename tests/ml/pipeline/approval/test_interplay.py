"""Where approval, hold, quarantine, rollback and kills meet: no candidate is lost, and none comes by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError
from ml.pipeline.approval.decisions import approve, override, refuse
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.intervention.quarantine import quarantine
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.approvals import overrides, waiting_runs
from ml.registry.policy.last_result import last_result
from ml.registry.recovery import recover_if_reachable
from ml.registry.retention import clean_up
from ml.storage.files import write_json
from ml.storage.root import Root
from tests.ml.light_world import released
from tests.ml.pipeline.approval.candidates import judged_run, with_approval

HOUR = timedelta(hours=1)


class KilledError(BaseException):
    """Stands for a SIGKILL."""


@pytest.fixture
def settings(never_asked: Settings) -> Settings:
    """A person is asked before each promotion."""
    return with_approval(never_asked, "always")


@contextmanager
def killed_at(event: str, *, before: bool = False) -> Iterator[None]:
    """End the block when the ledger gets its next entry of this kind."""
    append: Callable[..., Any] = Ledger.append

    def appending(self: Ledger, name: str, **facts: Any) -> Any:
        if name == event and before:
            raise KilledError
        entry = append(self, name, **facts)
        if name == event:
            raise KilledError
        return entry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "append", appending)
        try:
            yield
        except KilledError:
            return
    pytest.fail(f"nothing wrote {event}")


def waits(run: Run) -> Run:
    with pytest.raises(NothingToDoError):
        run_step("promote", run)
    return run


def waiting(root: Root) -> list[str]:
    return [str(e["run_id"]) for e in waiting_runs(Ledger(root.ledger).events(), champion=champion(root))]


def champion(root: Root) -> int:
    found = Ledger(root.ledger).champion()
    assert found is not None
    return found.number


def test_an_approval_that_was_killed_before_it_published_is_still_to_be_carried_out(
    root: Root, settings: Settings
) -> None:
    run = waits(judged_run(root, settings))
    with killed_at("approved"):
        approve(run, reason="yes")
    assert waiting(root) == ["r"]
    clean_up(root, settings)
    assert approve(run, reason="yes").version == 2
    assert waiting(root) == []


def test_an_approval_that_another_run_cleaned_up_after_gets_the_next_number(root: Root, settings: Settings) -> None:
    run = waits(judged_run(root, settings))
    with killed_at("intent"):
        approve(run, reason="yes")
    recover_if_reachable(root, settings)
    assert (champion(root), waiting(root)) == (1, ["r"])
    assert approve(run, reason="yes").version == 3


def test_a_candidate_that_is_published_already_cannot_be_refused(root: Root, settings: Settings) -> None:
    run = waits(judged_run(root, settings))
    with killed_at("published", before=True):
        approve(run, reason="yes")
    with pytest.raises(FinalError, match="was promoted, as version 2"):
        refuse(run, reason="no")
    assert "refused" not in [event["event"] for event in Ledger(root.ledger).events()]


def test_an_approval_is_about_the_verdict_that_was_seen(root: Root, settings: Settings) -> None:
    run = waits(judged_run(root, settings))
    with killed_at("approved"):
        approve(run, reason="yes")
    released(root, with_approval(settings, "never"), "two")
    for step in ("evaluate", "judge"):
        shutil.rmtree(run.step_directory(step))
    again = waits(judged_run(root, settings))  # the same candidate, judged beside version 2
    assert champion(root) == 2
    assert waiting(root) == ["r"], "it waits beside the new champion, and everybody sees it"
    assert approve(again, reason="seen").version == 3


def test_a_quarantined_candidate_waits_for_nobody_and_no_override_of_it_stands(root: Root, settings: Settings) -> None:
    run = waits(judged_run(root, settings))
    quarantine(root, settings, subject="r", reason="bad")
    assert waiting(root) == []
    with pytest.raises(FinalError, match="quarantined"):
        approve(run, reason="yes")
    other = waits(judged_run(root, settings, "o", decision="rejected", code="worse"))
    override(other, reason="the campaign", until=datetime.now(UTC) + HOUR)
    assert approve(other, reason="yes").version == 2
    rollback(root, settings, target=None, reason="bad, too")
    assert list(overrides(Ledger(root.ledger).events(), now=datetime.now(UTC))) == []


def test_a_refusal_takes_an_override_back(root: Root, settings: Settings) -> None:
    run = waits(judged_run(root, settings, decision="rejected", code="worse"))
    override(run, reason="the campaign", until=datetime.now(UTC) + HOUR)
    refuse(run, reason="no campaign")
    assert list(overrides(Ledger(root.ledger).events(), now=datetime.now(UTC))) == []
    with pytest.raises(FinalError, match="was refused"):
        approve(run, reason="yes")
    assert champion(root) == 1


def test_what_was_promoted_and_is_quarantined_since_is_nobodys_last_result(root: Root, settings: Settings) -> None:
    never = with_approval(settings, "never")
    run = judged_run(root, never)
    run_step("promote", run)
    run_step("confirm", run)
    fingerprint = Ledger(root.ledger).versions()[2].intent["fingerprint"]

    def last() -> Any:
        events, number = Ledger(root.ledger).events(), champion(root)
        return last_result(events, champion=number, promotion_is_on=True, approval="never")

    assert last().fingerprint == fingerprint
    rollback(root, never, target=None, reason="bad")
    release(root, never, reason="the cause is found")
    assert last() is None or last().fingerprint != fingerprint


def test_nobody_goes_back_to_what_broke_its_probation(root: Root, settings: Settings) -> None:
    never = with_approval(settings, "never")
    Ledger(root.ledger).append("probation", run_id="p", version=1, outcome="breached", reason="slow")
    released(root, never, "two")
    with pytest.raises(FinalError, match="No confirmed version before 2"):
        rollback(root, never, target=None, reason="bad")
    with pytest.raises(FinalError, match="No confirmed version before 2"):
        quarantine(root, never, subject="2", reason="bad")
    with pytest.raises(FinalError, match="Version 1 is quarantined, and never serves again: slow"):
        rollback(root, never, target=1, reason="slow is better than wrong")


def test_a_run_stays_while_its_schema_can_be_accepted(root: Root, settings: Settings) -> None:
    from ml.data.schema import seed_schema

    for run_id in ("old", "proposes", "stale", "new"):
        run = judged_run(root, settings, run_id)
        if run_id in ("proposes", "stale"):
            previous = seed_schema().sha256 if run_id == "proposes" else "another"
            proposal = {"schema_sha256": "s", "previous_sha256": previous}
            write_json(run.directory / "results" / "validate.json", {"outcome": "failed", "proposal": proposal})
    only_one = Settings(**{**vars(settings), "keep": type(settings.keep)(versions=2, days=0.0, runs=1)})
    clean_up(root, only_one)
    assert sorted(path.name for path in root.runs.iterdir()) == ["new", "proposes"]
