"""Three people log in. What a user without this DAG sees can only be told with FAB: tests/plugins/pages/test_fab.py.

The simple auth manager of `make up` knows roles, and no permission by DAG: a viewer sees every DAG, nobody sees none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.airflow_ui import MODELS, AirflowUi
from tests.browser.conftest import opened
from tests.browser.loop import Loop
from tests.plugins.pages.api_server import PASSWORDS, ApiServer

pytestmark = pytest.mark.slow
ACTION = re.compile("Roll back|Quarantine|Approve|Refuse|Retrain")
ROLLBACK = {"logical_date": None, "conf": {"version": 1, "reason": "A viewer wants it."}}


@pytest.fixture
def person(with_readers: ApiServer, browser: Browser) -> Iterator[AirflowUi]:
    with opened(browser, f"http://127.0.0.1:{with_readers.port}") as ui:
        yield ui


def test_the_administrator_sees_what_serves_and_every_button(ui: AirflowUi, loop: Loop) -> None:
    models = ui.models()
    expect(models.get_by_role("heading", level=1)).to_have_text(f"Version {loop.served()[0]}")
    for name in (re.compile("Roll back to version"), re.compile("Quarantine version"), "Retrain …"):
        expect(models.get_by_role("button", name=name).first).to_be_enabled()


def test_a_viewer_sees_the_models_and_can_change_nothing(person: AirflowUi, loop: Loop) -> None:
    person.log_in("viewer", PASSWORDS["viewer"])
    person.page.get_by_role("link", name="Models").first.click()
    models = person.page.frame_locator("iframe")
    expect(models.get_by_role("heading", level=1)).to_have_text(f"Version {loop.served()[0]}")
    expect(models.get_by_role("button", name=ACTION)).to_have_count(0)
    before = loop.runs("customer_rollback")
    assert person.asks("POST", "/api/v2/dags/customer_rollback/dagRuns", ROLLBACK) == 403
    assert loop.runs("customer_rollback") == before


def test_who_has_no_role_finds_no_way_to_the_models(person: AirflowUi) -> None:
    person.log_in("nobody", PASSWORDS["nobody"])
    expect(person.page.get_by_text("403 Forbidden").first).to_be_visible()
    expect(person.page.get_by_role("link", name="Models")).to_have_count(0)
    page = person.open(MODELS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not for this user")
    expect(page.get_by_text("Version")).to_have_count(0)
