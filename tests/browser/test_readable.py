"""Nothing keeps people from reading and using the pages, as far as axe-core can tell."""

from __future__ import annotations

import pytest

from tests.browser.airflow_ui import AirflowUi
from tests.browser.story import BETTER, BLOCKED, REJECTED

pytestmark = pytest.mark.slow
PAGES = (
    *("models", "ledger", "rules", "compare?a=1&b=2", "versions/2/card"),
    *(f"runs/{run}/report" for run in (BETTER, REJECTED, BLOCKED)),
)


def test_a_page_that_some_cannot_read_is_found(ui: AirflowUi, axe: str) -> None:
    ui.page.set_content("<main style='background: white; color: #eee'>Hardly to be seen</main>")
    assert [found for found in ui.serious_violations(axe) if found.startswith("color-contrast: ")]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_in_light_and_dark(ui: AirflowUi, axe: str, path: str) -> None:
    for scheme in ("light", "dark"):
        ui.page.emulate_media(color_scheme=scheme)
        answer = ui.page.goto(f"{ui.url}/retraining/{path}")
        assert answer is not None
        assert answer.ok
        assert ui.serious_violations(axe) == []
