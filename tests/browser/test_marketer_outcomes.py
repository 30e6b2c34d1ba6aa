"""What became of the customers of a list, sent on the page: in words, by row, and on the disk."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from serving.records.outcome import Outcome
from tests.browser.airflow_ui import AirflowUi
from tests.browser.marketer import Door, customers, marketers_door
from tests.browser.marketer_page import SIZES, drop, fits, headline, visiting

pytestmark = pytest.mark.slow
SENT = "ID;outcome;outcome_date\r\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outcomes")


@pytest.fixture(scope="module")
def door(root: Path) -> Iterator[Door]:
    with marketers_door(root, f"--outcomes={root / 'outcomes'}") as door:
        yield door


@pytest.fixture
def ui(door: Door, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AirflowUi]:
    with visiting(browser, door, tmp_path / f"{request.node.name[:60]}.png", "/outcomes") as ui:
        yield ui


def kept(root: Path) -> list[Outcome]:
    """What is on the disk: a line about the upload, then one for each row."""
    files = (root / "outcomes").glob("*.outcomes")
    return [Outcome.of(line) for file in files for line in file.read_bytes().splitlines()[1:]]


def test_a_list_is_downloaded_comes_back_with_outcomes_and_they_are_on_the_disk(ui: AirflowUi, root: Path) -> None:
    page = ui.page
    page.get_by_role("link", name="Whom to contact").click()
    drop(page, "autumn.csv", customers(60))
    headline(page, "Contact the best 12 of 60 customers")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download CSV").click()
    text = Path(waited.value.path()).read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    told = {1: ["D", "2026-11-02"], 2: ["rest", "03.11.2026"]}
    rows = [rows[0] + ["outcome", "outcome_date"], *(row + told.get(n, ["", ""]) for n, row in enumerate(rows[1:], 1))]
    back = io.StringIO(newline="")
    csv.writer(back, delimiter=";").writerows(rows)

    page.get_by_role("link", name="What became of them?").click()
    drop(page, "autumn-best-12.csv", back.getvalue())
    expect(page.locator("#taken")).to_contain_text("2 outcomes of autumn-best-12.csv are stored.")
    expect(page.locator("#taken")).to_contain_text("10 rows say nothing yet.")
    identifier = rows[0].index("ID")
    outcomes = {each.customer: each for each in kept(root)}
    assert [outcomes[row[identifier]].label for row in rows[1:]] == ["D", "rest"] + [None] * 10
    assert [outcomes[row[identifier]].date for row in rows[1:3]] == ["2026-11-02", "2026-11-03"]

    drop(page, "again.csv", back.getvalue())
    expect(page.locator("#taken")).to_contain_text("again.csv was here already: nothing was counted twice.")
    assert len(kept(root)) == 12


def test_each_wrong_row_is_named_nothing_is_kept_and_the_corrected_file_is_taken(ui: AirflowUi, root: Path) -> None:
    page, before = ui.page, len(kept(root))
    drop(page, "one.csv", f"{SENT}71;D;2026-11-01\r\n72;yes;2026-11-01\r\n73;D;soon\r\n")
    refused = page.get_by_role("alert")
    expect(refused).to_contain_text("one.csv: 2 rows are wrong; nothing was kept.")
    expect(refused.get_by_role("listitem")).to_have_text(
        [
            "row 3: the outcome is 'yes': write D or rest, or leave it empty",
            "row 4: the date is 'soon': write one like 2026-11-29 or 29.11.2026",
        ]
    )
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()  # it would be refused again
    assert len(kept(root)) == before
    drop(page, "one.csv", f"{SENT}71;D;2026-11-01\r\n")
    expect(page.locator("#taken")).to_contain_text("1 outcome of one.csv is stored.")
    expect(refused).to_be_hidden()
    assert len(kept(root)) == before + 1


def test_a_file_is_chosen_and_its_answer_read_with_the_keyboard_alone(ui: AirflowUi, tmp_path: Path) -> None:
    page = ui.page
    (tmp_path / "in.csv").write_text(f"{SENT}81;rest;2026-11-01\r\n")
    page.locator("#file").focus()
    with page.expect_file_chooser() as waited:
        page.wait_for_timeout(500)  # until the browser hands its dialog to the test
        page.keyboard.press("Enter")
    waited.value.set_files(tmp_path / "in.csv")
    expect(page.locator("#taken")).to_be_focused()
    expect(page.locator("#taken")).to_contain_text("1 outcome of in.csv is stored.")


def test_a_lost_answer_is_told_as_that_and_the_same_file_can_be_sent_again(ui: AirflowUi, root: Path) -> None:
    page, before = ui.page, len(kept(root))
    page.route("**/page/outcomes", lambda route: (route.fetch(), route.abort()))  # taken, and nobody hears of it
    drop(page, "lost.csv", f"{SENT}91;rest;2026-11-01\r\n")
    expect(page.get_by_role("alert")).to_contain_text("it is not known whether the outcomes are stored")
    page.unroute("**/page/outcomes")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#taken")).to_contain_text("lost.csv was here already: nothing was counted twice.")
    assert len(kept(root)) == before + 1


def test_a_gateway_that_keeps_no_outcomes_says_what_has_to_be_started(browser: Browser, tmp_path: Path) -> None:
    with marketers_door(tmp_path) as door, visiting(browser, door, tmp_path / "off.png", "/outcomes") as ui:
        expect(ui.page.get_by_text("python -m serving.gateway --outcomes var/outcomes")).to_be_visible()
        expect(ui.page.locator("#drop")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_the_page_can_be_read_wide_and_narrow_in_light_and_dark(
    width: int, scheme: str, ui: AirflowUi, axe: str
) -> None:
    page = ui.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    assert ui.serious_violations(axe) == []
    fits(page, width)
    drop(page, "a-list-with-a-long-name-and-no-blank-in-it-anywhere.csv", f"{SENT}1;yes;2026-11-01\r\n")
    expect(page.locator("#refused li")).to_have_count(1)
    assert ui.serious_violations(axe) == []
    fits(page, width)
    drop(page, "in.csv", f"{SENT}1;D;2026-11-01\r\n2;;\r\n")
    expect(page.locator("#taken")).to_be_visible()
    assert ui.serious_violations(axe) == []
    fits(page, width)
