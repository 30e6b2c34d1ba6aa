"""The dialogs of the models page: each asks once, and says what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.airflow_ui import MODELS, AirflowUi
from tests.browser.loop import Loop
from tests.plugins.pages.api_server import ApiServer

pytestmark = pytest.mark.slow


@dataclass
class Dialog:
    """The dialog behind the first button that goes back to a version."""

    ui: AirflowUi
    opener: Locator
    itself: Locator

    def submit(self, reason: str) -> None:
        self.itself.get_by_label("Reason").fill(reason)
        self.itself.get_by_role("button", name="Roll back").click()

    def says(self, text: str) -> None:
        expect(self.itself.get_by_role("status")).to_contain_text(text)


@pytest.fixture
def dialog(ui: AirflowUi) -> Dialog:
    opener = ui.open(MODELS).get_by_role("button", name=re.compile("Roll back to version")).first
    opener.click()
    itself = ui.page.get_by_role("dialog")
    expect(itself).to_be_visible()
    return Dialog(ui, opener, itself)


@pytest.fixture(autouse=True)
def nothing_happens(loop: Loop) -> Iterator[None]:
    before = loop.runs("customer_rollback"), loop.served()
    yield
    assert (loop.runs("customer_rollback"), loop.served()) == before


def test_cancel_and_escape_close_it_and_what_was_typed_is_forgotten(dialog: Dialog) -> None:
    cancel, press = dialog.itself.get_by_role("button", name="Cancel"), dialog.ui.page.keyboard.press
    ways: list[Callable[[], None]] = [lambda: cancel.click(), lambda: press("Escape")]
    for close in ways:
        dialog.itself.get_by_label("Reason").fill("Not meant.")
        close()
        expect(dialog.itself).to_be_hidden()
        expect(dialog.opener).to_be_focused()
        dialog.opener.click()
        expect(dialog.itself.get_by_label("Reason")).to_have_value("")


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_sent(dialog: Dialog, reason: str) -> None:
    dialog.submit(reason)
    expect(dialog.itself.locator("input:invalid")).to_have_count(1)
    expect(dialog.itself.get_by_role("status")).to_have_text("")
    expect(dialog.itself.get_by_role("button", name="Roll back")).to_be_enabled()


def test_a_paused_dag_is_told_in_the_dialog(dialog: Dialog, loop: Loop) -> None:
    loop.pause("customer_rollback", True)
    try:
        dialog.submit("The call centre complains.")
        dialog.says("The DAG customer_rollback is paused, and a run would only wait. Switch it on first.")
    finally:
        loop.pause("customer_rollback", False)


def test_a_session_that_has_ended_is_told_in_the_dialog(dialog: Dialog) -> None:
    dialog.ui.page.context.clear_cookies()
    dialog.submit("The call centre complains.")
    dialog.says("Your session has ended. Log in to Airflow again.")
    expect(dialog.itself.get_by_label("Reason")).to_have_value("The call centre complains.")


def test_a_refusal_for_want_of_permission_is_told_in_the_dialog(dialog: Dialog, with_readers: ApiServer) -> None:
    viewer = {"name": "_token", "value": with_readers.log_in("viewer"), "url": dialog.ui.url}
    dialog.ui.page.context.add_cookies([viewer])  # type: ignore[list-item]
    dialog.submit("The call centre complains.")
    dialog.says("Airflow does not let you do this.")


def test_what_airflow_refuses_is_told_in_the_dialog(dialog: Dialog) -> None:
    dialog.itself.locator("[name=version]").evaluate("field => field.value = '0'")
    dialog.submit("The call centre complains.")
    dialog.says("Airflow refused it (4")
    expect(dialog.itself.get_by_role("status")).to_contain_text("0 is less than the minimum of 1")


def test_an_airflow_that_does_not_answer_is_told_in_the_dialog(dialog: Dialog) -> None:
    dialog.ui.page.route("**/api/v2/**", lambda route: route.abort())
    dialog.submit("The call centre complains.")
    dialog.says("Airflow does not answer. Nothing may have happened: look at the DAG before you repeat it.")
