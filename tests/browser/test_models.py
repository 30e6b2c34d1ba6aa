"""The models page changes what serves, by its buttons."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.airflow_ui import RUN_MS, AirflowUi
from tests.browser.loop import Loop
from tests.browser.story import WAITING

pytestmark = pytest.mark.slow


def test_a_candidate_that_waits_is_approved_and_then_gone_back_from(ui: AirflowUi, loop: Loop) -> None:
    assert loop.served() == [2]
    models = ui.models()
    waiting = models.get_by_role("region", name="Waiting for a person")
    expect(waiting).to_contain_text(f"Run {WAITING}")
    waiting.get_by_role("button", name="Approve …").click()
    dialog = models.get_by_role("dialog")
    expect(dialog).to_contain_text("It is published as version 3 and serves")
    dialog.get_by_label("Reason").fill("As good, and nothing speaks against it.")
    dialog.get_by_role("button", name="Approve").click()
    expect(models.get_by_role("heading", level=1)).to_have_text("Version 3", timeout=RUN_MS)
    expect(waiting).to_have_count(0)
    assert loop.served() == [3]
    (approved,) = [event for event in loop.events(WAITING) if event["event"] == "approved"]
    assert (approved["who"], approved["reason"]) == ("admin", "As good, and nothing speaks against it.")

    models.get_by_role("button", name="Roll back to version 1").click()
    expect(dialog).to_contain_text("The bytes of version 1 are published as version 4")
    expect(dialog).to_contain_text("Version 3, the champion now, is quarantined")
    dialog.get_by_label("Reason").fill("The call centre complains.")
    dialog.get_by_role("button", name="Roll back").click()
    expect(models.get_by_role("heading", level=1)).to_have_text("Version 4", timeout=RUN_MS)
    expect(models.get_by_role("note")).to_contain_text("Held until")
    assert loop.served() == [4]
    assert loop.champion().intent["rollback_of"] == 1
    assert loop.events("rollback-from-3-to-1")[0]["who"] == "admin"
