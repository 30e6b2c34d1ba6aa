"""What goes wrong at the marketer's page is said in words, beside what has to be corrected, and can be tried again."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from serving.client.model_client import ModelServer
from tests.browser.airflow_ui import AirflowUi
from tests.browser.conftest import opened
from tests.browser.marketer import (
    MODEL,
    START_SECONDS,
    Door,
    add_token,
    customers,
    eventually,
    gateway,
    marketers_door,
    model_flags,
    process_of,
)
from tests.browser.marketer_page import drop, fits, headline, visiting

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with marketers_door(tmp_path_factory.mktemp("marketer")) as door:
        yield door


@pytest.fixture
def ui(door: Door, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AirflowUi]:
    with visiting(browser, door, tmp_path / f"{request.node.name[:60]}.png".replace("/", "-")) as ui:
        yield ui


def test_a_log_out_in_one_tab_is_told_in_the_other_and_nothing_of_the_file_is_left(
    browser: Browser, tmp_path: Path
) -> None:
    secret = add_token(tmp_path / "access" / "tokens.json", "anna", "score")
    flags = (f"--tokens={tmp_path / 'access' / 'tokens.json'}",)
    with marketers_door(tmp_path, *flags) as door, opened(browser, door.url) as ui:
        page = ui.page
        page.goto(door.url)
        page.get_by_label("Your token").fill(secret)
        page.get_by_role("button", name="Log in").click()
        drop(page, "autumn.csv", customers(40))
        headline(page, "of 40 customers")
        other = page.context.new_page()
        other.goto(door.url)
        other.get_by_role("button", name="Log out").click()
        expect(other.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.locator("#signed-out")).to_contain_text("You are logged out")
        expect(page.locator("#list")).to_be_hidden()
        eventually(lambda: not door.files())
        page.get_by_role("link", name="log in again").click()
        expect(page.get_by_label("Your token")).to_be_visible()


def test_a_session_that_is_over_is_told_where_something_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "access" / "tokens.json"
    secret = add_token(file, "anna", "score", "outcomes")
    flags = (f"--tokens={file}", f"--outcomes={tmp_path / 'outcomes'}")
    with marketers_door(tmp_path, *flags) as door, opened(browser, door.url) as ui:
        page = ui.page
        page.goto(door.url)
        page.get_by_label("Your token").fill(secret)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="What became of them?").click()
        expect(page.locator("#drop")).to_be_visible()
        page.wait_for_load_state("load")  # with all scripts, which only somebody who is logged in gets
        page.context.clear_cookies()
        drop(page, "in.csv", "ID,outcome,outcome_date\n1,D,2026-11-01\n")
        expect(page.locator("#signed-out")).to_be_visible()
        expect(page.locator("#drop")).to_be_hidden()
        assert not [*(tmp_path / "outcomes").glob("*.outcomes")]


def test_a_file_that_is_too_large_for_the_token_is_refused_in_words_for_people(
    browser: Browser, tmp_path: Path
) -> None:
    secret = add_token(tmp_path / "access" / "tokens.json", "anna", "score", most_bytes=5000)
    flags = (f"--tokens={tmp_path / 'access' / 'tokens.json'}",)
    with marketers_door(tmp_path, *flags) as door, opened(browser, door.url) as ui:
        page, refused = ui.page, ui.page.locator("#refused")
        page.goto(door.url)
        page.get_by_label("Your token").fill(secret)
        page.get_by_role("button", name="Log in").click()
        drop(page, "autumn.csv", customers(200))
        expect(refused).to_have_text(re.compile("autumn.csv has [0-9]+ kB, and 5 kB may be sent at once. Leave "))
        page.evaluate("document.body.dataset.mostBytes = 1e9")  # as if the limit had been lowered meanwhile
        drop(page, "autumn.csv", customers(200))
        expect(page.locator("#failure")).to_contain_text("The file is too large to be sent. Leave columns out")
        expect(page.get_by_role("button", name="Try again with the same file")).to_be_hidden()


def test_a_model_server_that_stops_is_waited_for_and_the_same_file_can_be_sent_again(
    browser: Browser, tmp_path: Path
) -> None:
    with process_of("serving.model_server", *model_flags(), directory=tmp_path) as (server, process):
        ModelServer(server, MODEL).wait_available(1, deadline=START_SECONDS)
        with gateway(tmp_path, server, MODEL) as door, visiting(browser, door, tmp_path / "page.png") as ui:
            page, told = ui.page, ui.page.locator("#progress-text")
            drop(page, "large.csv", customers(60_000))
            expect(told).to_contain_text(re.compile("Scored [1-9]"))
            process.send_signal(signal.SIGSTOP)
            expect(told).to_contain_text("Waiting for the model server for")
            expect(told).not_to_contain_text("left")
            process.kill()
            expect(page.locator("#failure")).to_contain_text("model server")
            again = page.get_by_role("button", name="Try again with the same file")
            expect(again).to_be_visible()
            process.wait(60)
            port = urlsplit(server).port
            assert port is not None
            with process_of("serving.model_server", *model_flags(port), directory=tmp_path):
                ModelServer(server, MODEL).wait_available(1, deadline=START_SECONDS)
                again.click()
                expect(page.locator("#headline")).to_contain_text("of 60,000 customers")
                expect(again).to_be_hidden()
                page.get_by_role("button", name="Another file").click()


def test_a_list_that_is_gone_says_so_where_it_is_turned(browser: Browser, tmp_path: Path) -> None:
    with marketers_door(tmp_path, "--unused-seconds=3") as door, visiting(browser, door, tmp_path / "page.png") as ui:
        drop(ui.page, "in.csv", customers(60))
        ui.page.locator("#share").fill("100")
        expect(ui.page.locator("#range")).to_have_text("1 to 25 of 60")
        expect(ui.page.locator("#explaining")).to_have_text("")
        eventually(lambda: not door.files())
        ui.page.get_by_role("button", name="Next").click()
        expect(ui.page.locator("#failure")).to_contain_text("There is no such list.")


def test_what_is_missing_is_said_beside_its_field_and_what_was_shown_stays(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(40))
    headline(page, "They cost 240 EUR")
    expect(page.locator("#why-budget")).to_be_hidden()
    page.locator("#value").fill("")
    expect(page.locator("#wrong-value")).to_have_text("Enter what a customer is worth, too.")
    assert page.locator("#value").get_attribute("aria-invalid") == "true"
    expect(page.locator("#stale")).to_have_text("This is still what you chose before.")
    for curve in ("gains", "profit"):
        expect(page.locator(f"#{curve} svg")).to_be_visible()
    expect(page.locator("#rows tbody tr")).to_have_count(8)
    expect(page.get_by_label("A budget")).to_be_disabled()
    expect(page.locator("#why-budget")).to_have_text("needs both amounts below")
    expect(page.locator("#why-pay")).to_be_visible()
    with page.expect_download() as waited:  # of what is shown
        page.get_by_role("button", name="Download CSV").click()
    assert "30 EUR a contact, 80 EUR a D customer" in Path(waited.value.path()).read_text("utf-8-sig")
    page.locator("#value").fill("90")
    headline(page, "90 EUR a D customer")
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#wrong-value")).to_be_hidden()
    assert page.locator("#value").get_attribute("aria-invalid") is None


def test_amounts_below_one_are_not_taken_for_thousands(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(40))
    headline(page, "from the settings of version 1")
    page.locator("#value").fill("2.375")  # thousands, as far as anybody can tell
    headline(page, "2,375 EUR a D customer")
    page.locator("#cost").fill("0,125")
    expect(page.locator("#headline")).to_contain_text("0.125 EUR a contact")


def test_one_customer_is_told_in_the_singular_and_a_short_file_begins_with_a_short_list(ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(40) + ";;;;;;;;\r\n")
    expect(page.locator("#tiles")).to_contain_text("1 row without any value was left out")
    page.get_by_text("A number", exact=True).click()
    expect(page.locator("#number")).to_have_value("8")
    page.locator("#number").fill("1")
    headline(page, "Contact the best one of 40 customers")
    headline(page, "Of a customer who is chosen by chance it is")
    expect(page.locator("#headline")).not_to_contain_text("1 customers")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download CSV").click()
    expect(page.locator("#told")).to_have_text(
        f"{waited.value.suggested_filename} is downloaded: 1 customer, best first."
    )


@pytest.mark.parametrize("width", [400, 1200])
def test_columns_have_their_names_and_no_name_is_torn(width: int, ui: AirflowUi) -> None:
    page = ui.page
    page.set_viewport_size({"width": width, "height": 900})
    drop(page, "in.csv", customers(40) + "9;Male;No;999;No;A_Wizard_whose_profession_is_long;1;Low;4\r\n")
    expect(page.locator("#rows .customer").first).to_contain_text(re.compile(r"Age [0-9]+,5.*Profession [A-Z]"))
    page.locator("#columns summary").click()
    for name in ("Ever_Married", "Work_Experience", "Spending_Score"):
        place = page.locator("#columns th span", has_text=name)
        eventually(place.bounding_box)  # the table may just be drawn anew
        assert (place.bounding_box() or {"height": 99})["height"] < 30, name  # one line
    fits(page, width)


@pytest.mark.parametrize("share", ["5", "50", "100"])
def test_the_mark_of_a_curve_covers_no_curve(share: str, ui: AirflowUi) -> None:
    page = ui.page
    drop(page, "in.csv", customers(400))
    page.locator("#cost").fill("35")
    page.locator("#value").fill("80")
    page.locator("#share").fill(share)
    headline(page, f"{4 * int(share)} of 400 customers")
    headline(page, "35 EUR a contact")
    covered = """figure => {
        const box = figure.querySelector(".mark").getBBox();
        const points = [...figure.querySelector("polyline.values").points];
        const within = (at, from, size) => at > from && at < from + size;
        return points.filter(({ x, y }) => within(x, box.x, box.width) && within(y, box.y, box.height)).length;
    }"""
    for curve in ("gains", "profit"):
        expect(page.locator(f"#{curve} .mark")).to_be_visible()
        assert page.locator(f"#{curve}").evaluate(covered) == 0, curve


def test_a_file_unlike_the_training_says_how_far_and_in_which_columns(ui: AirflowUi) -> None:
    page = ui.page
    odd = "".join(f"{n};Male;No;30;No;Wizard;1;Low;4\r\n" for n in range(700))
    drop(page, "odd.csv", customers(1000) + odd)
    headline(page, "of 1,700 customers")
    far = page.locator("#far")
    expect(far).to_contain_text(
        "41 % of these customers are unlike those on whom version 1 was trained, where 1.0 % is usual."
    )
    expect(far).to_contain_text("Values that training never had are in Profession.")
    page.get_by_role("button", name="Another file").click()
    drop(page, "usual.csv", customers(100))
    headline(page, "of 100 customers")
    expect(far).to_be_hidden()
