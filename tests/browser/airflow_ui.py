"""Airflow's pages as a person uses them: by what they read there."""

from __future__ import annotations

import re

from playwright.sync_api import FrameLocator, Locator, Page, expect

MODELS = "/retraining/models"
"""The models page at its own address; in Airflow it is a frame at /plugin/models."""
RUN_MS = 240_000
"""For what a run of a DAG has to end for."""


class AirflowUi:
    """One person's browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def log_in(self, user: str, password: str) -> None:
        self.page.goto(self.url)
        self.page.fill("input[name=username]", user)
        self.page.fill("input[name=password]", password)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("link", name="Dags").first.wait_for()

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page

    def trigger(self, dag_id: str, answers: dict[str, str]) -> None:
        """Fill in the form of a DAG's Trigger button and press it."""
        self.open(f"/dags/{dag_id}").get_by_role("button", name="Trigger").first.click()
        form = self.page.get_by_role("dialog")
        form.get_by_test_id("trigger-dag-submit").wait_for()
        for name, answer in answers.items():
            self._answer(form, name, answer)
        form.get_by_test_id("trigger-dag-submit").click()
        expect(form).to_be_hidden()

    def models(self) -> FrameLocator:
        """The models page, as Airflow's navigation shows it."""
        self.open("/plugin/models")
        return self.page.frame_locator("iframe")

    def report(self) -> FrameLocator:
        """The report of the run that is shown, in a tab of it."""
        self.page.get_by_role("link", name="Report", exact=True).click()
        return self.page.frame_locator("iframe")

    def asks(self, method: str, path: str, body: object = None) -> int:
        """The status of a call of Airflow's API as the page would make it, with the session of who looks at it."""
        return int(
            self.page.evaluate(
                """([method, path, body]) => fetch(path, {
                    method, headers: {"Content-Type": "application/json"}, body: body && JSON.stringify(body),
                }).then(answer => answer.status)""",
                [method, path, body],
            )
        )

    def serious_violations(self, axe: str) -> list[str]:
        """What axe-core calls serious or critical on this page: a rule and a piece of the page for each."""
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run().then(result => result.violations)")
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found
            for node in violation["nodes"]
            if violation["impact"] in ("serious", "critical")
        ]

    def _answer(self, form: Locator, name: str, answer: str) -> None:
        choice = form.locator(f"input[type=hidden][name=element_{name}]")
        number = form.locator(f"[id='number-input:element_{name}:inc']")
        if choice.count():  # its list is what Airflow draws beside the hidden field
            choice.locator("xpath=..").get_by_role("combobox").click()
            label = re.compile(rf"^{re.escape(answer)}(:|$)")  # a value, or a value and what it means
            self.page.get_by_role("option", name=label).click()
        elif number.count():
            number.locator("xpath=ancestor::*[.//input][1]//input").fill(answer)
        else:
            form.locator(f"[name=element_{name}]").fill(answer)
