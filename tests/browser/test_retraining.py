"""What a person does in Airflow's own pages, from the Trigger button to the version that is served."""

from __future__ import annotations

import pytest

from tests.browser.airflow_ui import AirflowUi
from tests.browser.loop import Loop

pytestmark = pytest.mark.slow


def test_a_run_is_triggered_approved_served_and_gone_back_from(ui: AirflowUi, loop: Loop) -> None:
    ui.trigger("customer_retraining", {"data": "sample", "epochs": "1"})
    assert loop.ended(loop.last_run())["note"].startswith("Promoted version 1 (first): AUC 0.")
    assert loop.served() == [1]

    ui.trigger("customer_retraining", {"data": "sample", "approval": "always"})
    second = loop.last_run()
    assert loop.ended(second)["note"].startswith("Waiting for approval: ")
    assert loop.served() == [1]

    question = loop.question_of(second)
    ui.decide(question, button="Approve", reason="Better, and nothing speaks against it.")
    assert loop.ended(question, "customer_approval")["state"] == "success"
    assert loop.served() == [2]
    (approved,) = [event for event in loop.events(second) if event["event"] == "approved"]
    assert (approved["who"], approved["reason"]) == ("admin", "Better, and nothing speaks against it.")

    ui.trigger("customer_rollback", {"reason": "The call centre complains."})
    assert loop.ended(loop.last_run("customer_rollback"), "customer_rollback")["state"] == "success"
    assert loop.served() == [3]
    assert loop.champion().intent["rollback_of"] == 1
