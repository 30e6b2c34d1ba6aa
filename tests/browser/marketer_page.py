"""What a marketer does at her page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.airflow_ui import AirflowUi
from tests.browser.conftest import opened
from tests.browser.marketer import Door, eventually

REFUSED = "Failed to load resource"
"""What Chromium writes into its console for each status like 400, which is no failure of a script."""
SIZES = [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")]


@contextmanager
def visiting(browser: Browser, door: Door, picture: Path, path: str = "/") -> Iterator[AirflowUi]:
    """Her browser at a page; no script may fail in it, and nothing is left of her files when she has gone."""
    with opened(browser, door.url, accept_downloads=True) as ui:
        wrong: list[str] = []
        ui.page.on("pageerror", lambda error: wrong.append(str(error)))
        ui.page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        ui.page.goto(f"{door.url}{path}")
        yield ui
        ui.page.screenshot(path=picture, full_page=True)
        assert [text for text in wrong if not text.startswith(REFUSED)] == []
        ui.page.goto("about:blank")
        eventually(lambda: not door.files())


def drop(page: Page, name: str, body: str | bytes) -> None:
    """Drag a file onto the page and let go."""
    page.wait_for_load_state("load")
    data = page.evaluate_handle(
        """([name, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            return data;
        }""",
        [name, [*(body if isinstance(body, bytes) else body.encode())]],
    )
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": data})
    expect(page.locator("#drop")).to_have_class(re.compile("over"))
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})


def headline(page: Page, text: str) -> None:
    expect(page.locator("#headline")).to_contain_text(text)


def fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
