"""The pages of the product, wide and narrow, in light and dark, over the runs that the tests in a browser are about."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docs.screenshots.chromium import Page
from docs.screenshots.marketer import marketer_pictures
from tests.browser.loop import Loop
from tests.browser.story import BETTER

PAGES = {"models": "models", "report": f"runs/{BETTER}/report", "card": "versions/2/card"}
"""The name of the picture, and the address below /retraining; another page is another line here."""
SCHEMES = ("light", "dark")


class Size(NamedTuple):
    """A window in CSS pixels, and how many pixels of the picture one of them becomes."""

    width: int
    height: int
    scale: float


SIZES = (Size(1400, 1100, 0.8), Size(400, 900, 1.0))


def pictures(page: Page) -> Iterator[tuple[str, bytes]]:
    """Give each picture with the name of its file; the stack that shows the pages ends with the last one."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as directory:
        loop = Loop(Path(directory))
        print("== five runs, and make up", flush=True)
        loop.tell_story()
        try:
            loop.up()
            yield from taken(page, loop.ui_url, loop.token)
            yield from marketer_pictures(page, loop.root.path, loop.serving_url)
        finally:
            loop.down()


def taken(page: Page, url: str, token: str) -> Iterator[tuple[str, bytes]]:
    """Give the pictures of the pages of an Airflow at `url`, as the owner of the token sees them."""
    page.call("Page.enable")
    page.call("Network.setCookie", name="_token", value=token, url=url)
    for name, path in PAGES.items():
        for size in SIZES:
            for scheme in SCHEMES:
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                page.call("Emulation.setEmulatedMedia", features=features)
                page.open(f"{url}/retraining/{path}", **size._asdict())
                page.wait_until("document.readyState === 'complete' && document.querySelector('h1')")
                yield f"{name}-{size.width}-{scheme}.png", page.screenshot()
