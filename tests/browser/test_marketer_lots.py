"""A list that teaches something: some places by lot, some customers left alone, marked wherever they stand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.airflow_ui import AirflowUi
from tests.browser.marketer import Door, customers, marketers_door
from tests.browser.marketer_page import SIZES, drop, fits, headline, visiting

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with marketers_door(tmp_path_factory.mktemp("marketer")) as door:
        yield door


@pytest.fixture
def ui(door: Door, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AirflowUi]:
    with visiting(browser, door, tmp_path / f"{request.node.name[:60]}.png".replace("/", "-")) as ui:
        yield ui


def test_lots_are_explained_told_and_marked_in_the_list_the_curves_and_the_file(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "autumn.csv", customers(1000))
    headline(page, "of 1,000 customers")
    expect(page.get_by_label("Drawn by lot")).to_have_value("2")
    expect(page.get_by_label("Left alone")).to_have_value("0")
    headline(page, "drawn by lot from all others (explored)")
    expect(page.locator("#power")).to_contain_text("5 % of this list would be 10 customers: no uplift can be claimed")
    page.locator("#share").fill("50")
    page.get_by_role("button", name="5 %", exact=True).click()
    headline(page, "The list has 500 customers: 490 are the best by rank and 10 were drawn by lot")
    headline(page, "25 of them are left alone (control): do not contact these.")
    headline(page, "Contact 475 of 1,000 customers.")
    expect(page.locator("#power")).to_contain_text("25 customers are left alone and 475 contacted: an uplift of 2")
    for curve in ("gains", "profit"):
        expect(page.locator(f"#{curve} svg")).to_have_attribute("aria-label", re.compile("the 475 who"))
    expect(page.locator("#gains figcaption")).to_contain_text("a little below the curve: 10 explored and 25 control")
    expect(page.locator("#rows")).to_contain_text("control: leave alone")  # the rows come after the numbers
    seen = []
    for _ in range(20):
        seen += page.locator("#rows tbody tr").all_inner_texts()
        if page.get_by_role("button", name="Next").is_disabled():
            break
        before = page.locator("#range").inner_text()
        page.get_by_role("button", name="Next").click()
        expect(page.locator("#range")).not_to_have_text(before)
    assert [text.split()[0] for text in seen] == [str(rank) for rank in range(1, 501)]
    assert sum("control: leave alone" in text for text in seen) == 25
    explored = sum("explored: drawn by lot" in text for text in seen)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download CSV").click()
    text = Path(waited.value.path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    groups = [row["group"] for row in rows]
    assert (len(rows), groups.count("control"), groups.count("explored")) == (500, 25, explored)


def test_a_share_that_cannot_be_is_said_beside_its_field(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(40))
    headline(page, "of 40 customers")
    page.get_by_label("Left alone").fill("60")
    expect(page.locator("#wrong-control")).to_have_text("'60' is not a share from 0 to 50 %.")
    described = page.get_by_label("Left alone").get_attribute("aria-describedby")
    assert described == "wrong-control control-why power"
    page.get_by_label("Left alone").fill("2,5")
    expect(page.locator("#wrong-control")).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_lots_can_be_read_wide_and_narrow_in_light_and_dark(
    width: int, scheme: str, ui: AirflowUi, axe: str
) -> None:
    page = ui.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    drop(page, "in.csv", customers(60))
    headline(page, "of 60 customers")
    page.get_by_label("Left alone").fill("20")
    page.get_by_label("Drawn by lot").fill("20")
    expect(page.locator("#rows .badge.explored").first).to_be_visible()
    expect(page.locator("#rows .badge.control").first).to_be_visible()
    assert ui.serious_violations(axe) == []
    fits(page, width)
