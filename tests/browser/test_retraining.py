"""A run from the Trigger form to its report, in Airflow's own pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.airflow_ui import RUN_MS, AirflowUi
from tests.browser.loop import Loop
from tests.browser.story import ODD

pytestmark = pytest.mark.slow


def test_a_run_is_triggered_by_the_form_watched_and_told_by_the_report_in_its_tab(ui: AirflowUi, loop: Loop) -> None:
    alerts: list[str] = []
    ui.page.on("dialog", lambda dialog: alerts.append(dialog.message))
    ui.trigger("customer_retraining", {"data": ODD, "epochs": "1"})
    (run,) = loop.runs("customer_retraining")
    assert run["conf"] | {"data": f"inbox:{ODD}", "epochs": 1} == run["conf"]

    ui.open(f"/dags/customer_retraining/runs/{run['dag_run_id']}")
    expect(ui.page.get_by_text("Failed", exact=True).first).to_be_visible(timeout=RUN_MS)
    loop.until(lambda: bool(loop.runs("customer_retraining")[0]["note"]))
    ui.page.reload()  # Airflow's page asks no more once the run has ended, and the note comes after that
    expect(ui.page.get_by_text("Blocked at validate").first).to_be_visible()
    report = ui.report()
    expect(report.get_by_role("heading", level=1)).to_contain_text("The data were refused, so nothing was trained")
    expect(report.get_by_text("<script>alert(").first).to_be_attached()  # of the data, as text
    assert report.locator("script").count() == 0
    assert alerts == []
    assert loop.served() == [loop.champion().number]
