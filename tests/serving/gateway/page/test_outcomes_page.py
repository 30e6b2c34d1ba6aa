"""Outcomes that people send on the page: taken as at /v1/outcomes, and from those alone who may send them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from xlsxwriter import Workbook

from serving.records.outcome import Outcome
from serving.records.outcome_files import read_outcomes
from serving.records.record_directory import Unreadable
from tests.serving.gateway.gateway_process import GatewayProcess, answer, gateway, stand_in
from tests.serving.gateway.page.visitor import FROM_PAGE, Visitor, logged_in, token
from tests.serving.gateway.test_score import bomb, far_cells, requests_in
from tests.serving.live import ask

GOOD = b"ID,outcome,outcome_date\n7,D,2026-11-01\n8,,\n"
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@contextmanager
def taking(tmp_path: Path, *flags: str) -> Iterator[GatewayProcess]:
    own = (f"--outcomes={tmp_path / 'outcomes'}", f"--spool={tmp_path / 'spool'}", "--outcome-labels=D,rest")
    with (
        stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as server,
        gateway(server.url, *own, *flags, log=tmp_path / "log") as door,
    ):
        yield door


def kept(tmp_path: Path) -> list[Outcome]:
    return [each.outcome for each in read_outcomes(tmp_path / "outcomes", Unreadable())]


def workbook(*rows: tuple[object, ...]) -> bytes:
    data = io.BytesIO()
    with Workbook(data, {"in_memory": True, "default_date_format": "dd.mm.yyyy"}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return data.getvalue()


def test_the_page_and_the_route_take_the_same_and_know_it(tmp_path: Path) -> None:
    with taking(tmp_path) as door:
        visitor = Visitor(door.url)
        told = visitor.json("POST", "/page/outcomes", GOOD)
        file = told.pop("file")
        assert told == {"outcomes": 1, "without_outcome": 1, "was_there_already": False}
        status, body, _ = ask(door.url, "POST", "/v1/outcomes", GOOD, {"Content-Type": "text/csv"})
        assert (status, json.loads(body)["was_there_already"], json.loads(body)["file"]) == (200, True, file)
    assert [(each.customer, each.label) for each in kept(tmp_path)] == [("7", "D"), ("8", None)]


def test_a_workbook_is_taken_with_dates_as_a_spreadsheet_has_them(tmp_path: Path) -> None:
    rows = (("ID", "outcome", "outcome_date"), (7, "D", date(2026, 11, 1)), (8, "", ""), (9, "rest", "2.11.2026"))
    with taking(tmp_path) as door:
        assert Visitor(door.url).json("POST", "/page/outcomes", workbook(*rows))["outcomes"] == 2
        status, body, _ = ask(door.url, "POST", "/v1/outcomes", workbook(*rows), XLSX)
        assert (status, json.loads(body)["was_there_already"]) == (200, True)
        told = [(each.customer, each.label, each.date) for each in kept(tmp_path)]
        assert told == [("7", "D", "2026-11-01"), ("8", None, None), ("9", "rest", "2026-11-02")]
        status, said = Visitor(door.url).ask("POST", "/page/outcomes", workbook(*rows[:2], (), (1, "x", "")))
        assert (status, "row 4: the outcome is 'x'" in json.loads(said)["error"]) == (422, True)
        assert len(kept(tmp_path)) == 3
        assert not requests_in(tmp_path)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (bomb, "bytes when unpacked"),
        (far_cells, "most of them empty"),
        (lambda: workbook(("ID", "outcome"), (7, "D")), "lacks a column outcome_date"),
        (lambda: workbook(("ID", "outcome", "date"), (7, "D", 12.5)), "row 2: the date is '12.5'"),
        (lambda: b"PK\x03\x04 and no more", "damaged workbook"),
        (lambda: b"ID,outcome,date\n" + b"7,,\n" * 50_001, "more than 50,000 rows"),
    ],
)
def test_a_file_that_cannot_be_taken_is_told_and_leaves_nothing(body: object, said: str, tmp_path: Path) -> None:
    assert callable(body)
    with taking(tmp_path) as door:
        status, told = Visitor(door.url).ask("POST", "/page/outcomes", body())
        assert (status, said in json.loads(told)["error"]) == (422, True), told
        assert str(tmp_path) not in told.decode()
        assert not kept(tmp_path)
        assert not requests_in(tmp_path)


def test_a_workbook_with_too_many_rows_is_told_by_the_gateway(tmp_path: Path) -> None:
    rows = (("ID", "outcome", "date"), *((n, "", "") for n in range(50_001)))
    with taking(tmp_path) as door:
        status, told = Visitor(door.url).ask("POST", "/page/outcomes", workbook(*rows))
        assert (status, "more than 50,000 rows" in json.loads(told)["error"]) == (422, True), told


def test_the_page_tells_every_wrong_row_where_the_route_tells_some(tmp_path: Path) -> None:
    body = b"ID,outcome,outcome_date\n" + b"7,yes,2026-11-01\n" * 30
    with taking(tmp_path) as door:
        told = json.loads(Visitor(door.url).ask("POST", "/page/outcomes", body)[1])["error"]
        assert told.splitlines()[0] == "30 rows are wrong; nothing was kept."
        assert [line.split(":")[0].strip() for line in told.splitlines()[1:]] == [f"row {n}" for n in range(2, 32)]
        said = json.loads(ask(door.url, "POST", "/v1/outcomes", body, {"Content-Type": "text/csv"})[1])["error"]
        assert said.endswith("and 20 more")


def test_only_a_token_for_outcomes_sends_them_and_each_token_finds_its_page(tmp_path: Path) -> None:
    secrets = {scopes: token(tmp_path, "-".join(scopes), *scopes) for scopes in (("score",), ("outcomes",))}
    both = token(tmp_path, "both", "score", "outcomes")
    with taking(tmp_path, f"--tokens={tmp_path / 'access' / 'tokens.json'}") as door:
        assert Visitor(door.url).ask("POST", "/page/outcomes", GOOD)[0] == 401
        scorer, teller = (logged_in(door, secret) for secret in secrets.values())
        status, said = scorer.ask("POST", "/page/outcomes", GOOD)
        assert (status, "not for 'outcomes'" in json.loads(said)["error"]) == (403, True)
        assert b"with the scope <code>outcomes</code>" in scorer.ask("GET", "/outcomes")[1]
        assert b'href="/outcomes"' not in scorer.ask("GET", "/")[1]
        assert not kept(tmp_path)
        shown = {"Sec-Fetch-Mode": "navigate", "Cookie": teller.cookie}
        assert ask(door.url, "GET", "/", None, shown)[2]["location"] == "/outcomes"
        assert teller.ask("GET", "/page/lists")[0] == teller.ask("POST", "/page/lists?name=x", b"x")[0] == 403
        assert teller.json("POST", "/page/outcomes", GOOD)["outcomes"] == 1
        (file,) = (tmp_path / "outcomes").glob("*.outcomes")
        assert json.loads(file.read_bytes().partition(b"\n")[0])["by"] == "outcomes"
        assert b'href="/outcomes"' in logged_in(door, both).ask("GET", "/")[1]


def test_what_another_page_has_a_browser_send_is_refused(tmp_path: Path) -> None:
    with taking(tmp_path) as door:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            assert ask(door.url, "POST", "/page/outcomes", GOOD, headers)[0] == 403
        assert not kept(tmp_path)
        assert ask(door.url, "POST", "/page/outcomes", b"x" * ((2 << 20) + 1), FROM_PAGE)[0] == 413
