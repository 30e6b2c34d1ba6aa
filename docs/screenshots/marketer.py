"""The marketer's page with a list: the gateway before a model server, and a file that is dropped on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docs.screenshots.chromium import Page
from ml.storage.root import PROJECT
from tests.browser.marketer import gateway

SCHEMES = ("light", "dark")
BUDGET, COST, VALUE = 400, 10, 80
_DROP = """(() => {
    const data = new DataTransfer();
    data.items.add(new File([%s], "%s.csv"));
    drop.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
})()"""
_CHOOSE = """(() => {
    Object.assign(cost, {value: %d}); Object.assign(value, {value: %d}); Object.assign(currency, {value: "EUR"});
    choice.dispatchEvent(new Event("input"));
    document.getElementById("by-budget").checked = true; budget.value = %d; explore.value = 10; control.value = 5;
    choice.dispatchEvent(new Event("input", {bubbles: true}));
})()"""


class Size(NamedTuple):
    """A window in CSS pixels, and how many pixels of the picture one of them becomes."""

    width: int
    height: int
    scale: float


SIZES = (Size(1400, 2000, 0.7), Size(400, 1100, 1.0))
WIDE = Size(1400, 700, 0.75)
BACK = "ID,outcome,outcome_date\n466735,D,2026-11-02\n466736,yes,2026-11-03\n466737,rest,soon\n"
"""A list that comes back with two wrong rows."""


def marketer_pictures(page: Page, root: Path, upstream: str) -> Iterator[tuple[str, bytes]]:
    """Give each picture with the name of its file.

    Args:
        page: The browser.
        root: What the releases of the model are below.
        upstream: The model server.
    """
    customers = (PROJECT / "docs" / "customers.csv").read_text()
    outcomes = (f"--outcomes={root / 'outcomes'}", "--outcome-labels=D,rest")
    with gateway(root, upstream, "customer-model", *outcomes) as door:
        page.call("Page.enable")
        for size in SIZES:
            for scheme in SCHEMES:
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                page.call("Emulation.setEmulatedMedia", features=features)
                page.open(door.url, **size._asdict())
                page.wait_until("document.readyState === 'complete' && document.querySelector('#drop')")
                page.evaluate(_DROP % (json.dumps(customers), "customers"))
                page.wait_until("!document.querySelector('#list').hidden")
                page.evaluate(_CHOOSE % (COST, VALUE, BUDGET))
                page.wait_until("document.querySelector('#headline').innerText.includes('budget')")
                page.wait_until("!document.querySelector('#explaining').textContent")  # all reasons are there
                yield f"marketer-{size.width}-{scheme}.png", page.screenshot()
        for scheme in SCHEMES:
            page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            page.open(f"{door.url}/outcomes", **WIDE._asdict())
            page.wait_until("document.readyState === 'complete' && document.querySelector('#drop')")
            page.evaluate(_DROP % (json.dumps(BACK), "autumn-best-40"))
            page.wait_until("!document.querySelector('#refused').hidden")
            yield f"outcomes-{WIDE.width}-{scheme}.png", page.screenshot()
