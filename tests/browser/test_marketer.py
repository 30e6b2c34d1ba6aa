"""The marketer's page in a real browser: a file is dropped, a budget given, a list downloaded as the file came in."""

from __future__ import annotations

import csv
import io
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FileChooser, expect

from tests.browser.airflow_ui import AirflowUi
from tests.browser.conftest import WAIT_MS, opened
from tests.browser.marketer import HEADER, MODEL, Door, customers, eventually, gateway, marketers_door
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


def test_a_file_is_dropped_a_budget_given_and_a_list_downloaded_in_the_layout_that_came_in(
    ui: AirflowUi, tmp_path: Path
) -> None:
    page = ui.page
    drop(page, "autumn.csv", customers(60))
    expect(page.get_by_role("heading", name="autumn.csv")).to_be_visible()
    expect(page.locator("#tiles")).to_contain_text("60 customers")
    headline(page, "Contact the best 12 of 60 customers, 20 % of all")
    headline(page, "30 EUR a contact, 80 EUR a D customer, from the settings of version 1")
    page.get_by_text("A budget", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Enter a budget.")
    expect(page.locator("#stale")).to_have_text("This is still what you chose before.")
    expect(page.locator("#rows tbody tr")).to_have_count(12)
    page.get_by_label("Spend at most").fill("150")
    page.get_by_label("A contact costs").fill("10")
    headline(page, "entered for this list alone")
    headline(page, "budget 150 EUR")
    words = page.locator("#headline .big").inner_text()
    count = int(re.findall(r"best (\d+) of", words)[0])
    assert 0 < count <= 15
    expect(page.locator("#rows tbody tr")).to_have_count(count)
    for curve, words in (("gains", "Gains curve"), ("profit", "Profit curve")):
        expect(page.locator(f"#{curve} svg")).to_have_attribute("aria-label", re.compile(f"{words}: the best {count} "))
        expect(page.locator(f"#{curve} circle.cut")).to_be_visible()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download CSV").click()
    assert waited.value.suggested_filename == f"autumn-best-{count}.csv"
    waited.value.save_as(tmp_path / "list.csv")
    body = (tmp_path / "list.csv").read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.count(b"\r\n") == body.count(b"\n") == count + 1
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rows[0][: len(HEADER.split(";")) + 1] == ["rank", *HEADER.split(";")]
    told = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    probabilities = [float(row["probability"].replace(",", ".")) for row in told]
    assert probabilities == sorted(probabilities, reverse=True)
    assert {row["reckoned_with"] for row in told} == {"10 EUR a contact, 80 EUR a D customer, budget 150 EUR"}
    shown = page.locator("#rows tbody tr").all_inner_texts()
    assert all(row["ID"] in text for row, text in zip(told, shown, strict=True))
    assert any(row["reasons_for"] or row["reasons_against"] for row in told)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download Excel").click()
    assert Path(waited.value.path()).read_bytes().startswith(b"PK")


def test_everything_can_be_done_with_the_keyboard_alone(ui: AirflowUi, tmp_path: Path) -> None:
    page = ui.page
    (tmp_path / "in.csv").write_text(customers(40))

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab never comes to {selector}")

    choosers: list[FileChooser] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    tab_to("#file")
    for _ in range(20):  # a press before the browser hands its dialog to the test opens none
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        if choosers:
            break
    choosers[0].set_files(tmp_path / "in.csv")
    headline(page, "Contact the best 8 of 40 customers")
    tab_to("#columns summary")
    page.keyboard.press("Enter")
    expect(page.locator("#columns table")).to_be_visible()
    tab_to("#by-share")
    page.keyboard.press("ArrowRight")
    tab_to("#number")
    page.keyboard.press("Control+A")
    page.keyboard.type("5")
    headline(page, "Contact the best 5 of 40 customers")
    tab_to("#keep")
    page.keyboard.press("Space")
    expect(page.locator("#told")).to_contain_text("The file is kept with its scores.")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.kind") == "csv"
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "in-best-5.csv"
    page.reload()
    tab_to("[aria-label='Open in.csv']")
    page.keyboard.press("Enter")
    headline(page, "of 40 customers")
    page.get_by_role("button", name="Another file").focus()
    page.keyboard.press("Enter")
    tab_to("[aria-label='Delete in.csv']")
    page.keyboard.press("Enter")
    expect(page.locator("#kept")).to_be_hidden()


def test_rows_are_pasted_as_a_spreadsheet_copies_them(ui: AirflowUi) -> None:
    page = ui.page
    page.get_by_role("button", name="Paste rows").click()
    page.get_by_label("Rows as you copied them").fill(customers(3).removeprefix("\ufeff").replace(";", "\t"))
    page.get_by_role("button", name="Use these rows").click()
    expect(page.locator("#tiles")).to_contain_text("3 customers")


def test_without_value_and_cost_nothing_is_told_in_money_until_somebody_enters_them(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(30))
    headline(page, "profit of about")
    for name in ("A contact costs", "is worth"):
        page.get_by_label(name).fill("")
    page.get_by_label("A contact costs").fill("1")
    expect(page.get_by_role("alert")).to_have_text("Enter what a customer is worth, too.")
    expect(page.get_by_label("As many as pay")).to_be_disabled()
    page.get_by_label("is worth").fill("50")
    page.get_by_text("As many as pay", exact=True).click()
    headline(page, "1 EUR a contact, 50 EUR a D customer, entered for this list alone")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1.500,50", "budget 1,500.50 EUR"),
        ("1,500.50", "budget 1,500.50 EUR"),
        ("1.500", "budget 1,500 EUR"),
        ("1,500", "budget 1,500 EUR"),
        ("1 500", "budget 1,500 EUR"),
        ("60,5", "budget 60.50 EUR"),
        ("60.5", "budget 60.50 EUR"),
    ],
)
def test_amounts_are_read_as_they_are_written_in_either_country(typed: str, meant: str, ui: AirflowUi) -> None:
    drop(ui.page, "autumn.csv", customers(60))
    ui.page.get_by_text("A budget", exact=True).click()
    ui.page.get_by_label("Spend at most").fill(typed)
    headline(ui.page, meant)


@pytest.mark.parametrize("typed", ["2,5", "1,50,0", "1.5.0,2"])
def test_what_is_no_number_in_any_country_is_refused(typed: str, ui: AirflowUi) -> None:
    drop(ui.page, "autumn.csv", customers(60))
    ui.page.get_by_text("A number", exact=True).click()
    ui.page.locator("#choice [name=number]").fill(typed)
    expect(ui.page.get_by_role("alert")).to_contain_text("is not a whole number, 1 or more")


@pytest.mark.parametrize("text", ["", "a;b\r\n1;2\r\n", f"{HEADER}\r\n1;Male;No;old;No;Artist;1;Low;4\r\n"])
def test_a_file_that_cannot_be_used_is_told_and_another_one_can_be_sent(text: str, ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "bad.csv", text)
    expect(page.locator("#failure")).to_contain_text("bad.csv: ")
    page.get_by_role("button", name="Another file").click()
    drop(page, "good.csv", customers(10))
    headline(page, "of 10 customers")
    expect(page.locator("#failure")).to_be_hidden()


def test_the_list_is_turned_page_by_page(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(70))
    page.locator("#share").fill("100")
    expect(page.locator("#range")).to_have_text("1 to 25 of 70")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#range")).to_have_text("51 to 70 of 70")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    expect(page.locator("#rows tbody tr").last).to_contain_text("70")


def test_work_is_shown_and_can_be_cancelled(browser: Browser, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        upstream = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with gateway(tmp_path, upstream, MODEL) as door, opened(browser, door.url) as ui:
            ui.page.goto(door.url)
            drop(ui.page, "in.csv", customers(10))
            expect(ui.page.get_by_role("progressbar")).to_be_visible()
            eventually(door.files)
            ui.page.get_by_role("button", name="Cancel").click()
            expect(ui.page.get_by_role("progressbar")).to_be_hidden()
            expect(ui.page.locator("#drop")).to_be_visible()
            eventually(lambda: not door.files())


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_page_can_be_read_wide_and_narrow_in_light_and_dark(
    width: int, scheme: str, ui: AirflowUi, axe: str
) -> None:
    page = ui.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    page.get_by_role("button", name="Paste rows").click()
    assert ui.serious_violations(axe) == []
    fits(page, width)
    drop(page, "in.csv", customers(40) + "9;Male;No;999;No;Wizard;1;Low;4\r\n")
    headline(page, "profit of about")
    expect(page.locator("#rows .reasons").first).not_to_have_text("…")
    page.locator("#columns summary").click()
    assert ui.serious_violations(axe) == []
    fits(page, width)
    page.get_by_role("button", name="Another file").click()
    drop(page, "bad.csv", "")
    expect(page.locator("#failure")).to_be_visible(timeout=WAIT_MS)
    assert ui.serious_violations(axe) == []
