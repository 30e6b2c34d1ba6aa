"""What a person does in Airflow's own pages, from the Trigger button to the version that is served."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

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

    models = ui.models()
    models.get_by_role("row", name="1 promoted").get_by_role("button", name="Roll back").click()
    dialog = models.get_by_role("dialog")
    expect(dialog).to_contain_text("The bytes of version 1 are published as version 3")
    dialog.get_by_label("Reason").fill("The call centre complains.")
    dialog.get_by_role("button", name="Roll back").click()
    expect(models.get_by_role("heading", name="Version 3")).to_be_visible()
    assert loop.served() == [3]
    assert loop.champion().intent["rollback_of"] == 1
    assert loop.events("rollback-from-2-to-1")[0]["who"] == "admin"


def test_the_report_of_a_blocked_run_says_what_is_wrong_in_a_tab_of_the_run(ui: AirflowUi, loop: Loop) -> None:
    loop.root.inbox.mkdir(exist_ok=True)
    rows = "".join(f"{i},Male,No,30,Yes,<script>alert({i})</script>,1,Low,2,Cat_1,D\n" for i in range(600))
    header = "ID,Gender,Ever_Married,Age,Graduated,Profession,Work_Experience,Spending_Score,Family_Size,Var_1,"
    (loop.root.inbox / "odd.csv").write_text(f"{header}Segmentation\n{rows}")
    alerts: list[str] = []
    ui.page.on("dialog", lambda dialog: alerts.append(dialog.message))
    run_id = loop.api.trigger({"data": "inbox:odd.csv"})
    assert loop.ended(run_id)["note"].startswith("Blocked at validate: ")
    report = ui.report(run_id)
    expect(report.get_by_role("heading", level=1)).to_contain_text("blocked", ignore_case=True)
    expect(report.get_by_text("<script>alert(").first).to_be_attached()
    assert alerts == []


def test_a_page_that_some_cannot_read_is_found(ui: AirflowUi, axe: str) -> None:
    ui.page.set_content("<main style='background: white; color: #eee'>Hardly to be seen</main>")
    assert [found for found in ui.serious_violations(axe) if found.startswith("color-contrast: ")]


@pytest.mark.parametrize("path", ["models", "ledger", "compare?a=1&b=2", "runs/{run}/report"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_from_reading_a_page(ui: AirflowUi, loop: Loop, axe: str, path: str, scheme: str) -> None:
    ui.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    ui.open(f"/retraining/{path.format(run=loop.first_run())}")
    assert ui.serious_violations(axe) == []
