"""Lists of /v1/score: who is on them, the record of the whole file, and the way back with outcomes."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serving.records.outcome import Outcome
from serving.records.outcome_files import read_outcomes
from serving.records.record_directory import Unreadable
from serving.records.row import RecordedRow
from tests.serving.client.stand_in import Answer, Request, stand_in
from tests.serving.gateway.gateway_process import GatewayProcess, gateway
from tests.serving.gateway.test_record import counts, health, rows, writer_of
from tests.serving.live import ask, error_of, eventually
from tests.serving.score.scoring import HEADER, score, write
from tests.serving.score.test_money import answer

CSV = {"Content-Type": "text/csv"}
JSON_LINES = {"Content-Type": "application/x-ndjson"}
CUSTOMERS = 300
LIST = "/v1/score?top=100&explore=10%25&control=10%25"


def customers(path: Path, *more: str) -> Path:
    lines = (f"=c{n},Male,No,{90 - 0.25 * n},No,Healthcare,,Low,4" for n in range(CUSTOMERS))
    return write(path, *lines, *more)


@contextmanager
def door_before(
    tmp_path: Path, *flags: str, act: Callable[[Request], Answer] = answer, record: bool = True
) -> Iterator[tuple[GatewayProcess, str]]:
    """A gateway that records and takes outcomes, and the address of what is behind it."""
    directories = (f"--outcomes={tmp_path / 'outcomes'}", f"--spool={tmp_path / 'spool'}", "--outcome-labels=D,rest")
    recording = (f"--record={tmp_path / 'record'}",) if record else ()
    with stand_in(act) as url, gateway(url, *directories, *recording, *flags, log=tmp_path / "log") as door:
        if record:
            eventually(lambda: health(door)["record"]["state"] == "writing")
        yield door, url


def scored(
    door: GatewayProcess, path: str, body: bytes, request_id: str = "one", kind: dict[str, str] | None = None
) -> tuple[bytes, dict[str, str]]:
    status, answered, headers = ask(door.url, "POST", path, body, (kind or CSV) | {"X-Request-Id": request_id})
    assert status == 200, answered
    return answered, headers


def cells(body: bytes, separator: str = ",") -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=separator)]


def test_a_list_holds_a_share_by_lot_unless_none_is_wanted(tmp_path: Path) -> None:
    body = customers(tmp_path / "in.csv").read_bytes()
    with door_before(tmp_path, record=False) as (door, _):
        answered, headers = scored(door, "/v1/score?top=100", body)
        assert json.loads(headers["x-list"]) == {
            "listed": 100, "contacts": 100, "explored": 2, "control": 0, "notes": [],
        }  # fmt: skip
        listed = cells(answered)
        assert [row["group"] for row in listed] == [""] * 98 + ["explored"] * 2
        assert {row["request_id"] for row in listed} == {"one"}
        again, _ = scored(door, "/v1/score?top=100", body)
        assert again == answered
        plain, headers = scored(door, "/v1/score?top=100&explore=0", body)
        assert [row["ID"] for row in cells(plain)] == [f"'=c{n}" for n in range(100)]
        assert json.loads(headers["x-list"])["explored"] == 0
        answered, headers = scored(door, LIST, body)
        told = json.loads(headers["x-list"])
        assert (told["listed"], told["contacts"], told["explored"], told["control"]) == (100, 90, 10, 10)
        answered, headers = scored(door, "/v1/score?explore=2%25", body)
        assert json.loads(headers["x-list"]) == {
            "notes": ["everybody is listed: there is nobody outside a cut to explore"]
        }
        assert {(row["propensity"], row["group"]) for row in cells(answered)} == {("", "")}
        for query in ("explore=60%25", "control=0.05", "control=x", "explore=-1%25", "explore=1%25&explore=1%25"):
            status, refused, _ = ask(door.url, "POST", f"/v1/score?top=10&{query}", body, CSV)
            assert status == 400
            assert "explore and control (shares of the list like 2%25, or 0)" in error_of(refused)


def test_what_lots_cost_is_in_the_expected_profit(tmp_path: Path) -> None:
    body = customers(tmp_path / "in.csv").read_bytes()
    with door_before(tmp_path, record=False) as (door, _):
        _, headers = scored(door, f"{LIST}&value=80&cost=10", body)
    money, told = json.loads(headers["x-expected-profit"]), json.loads(headers["x-list"])
    assert (money["contacts"], money["list_cost"]) == (90, 900.0)
    assert 0 < money["by_lot"] <= told["explored"]
    assert money["by_lot_cost"] == 10 * money["by_lot"]


def test_all_rows_of_a_file_are_recorded_with_their_chance(tmp_path: Path) -> None:
    body = customers(tmp_path / "in.csv", ",,,,,,,,", "last,Female,,61.5,Yes,Artist,1,Low,NA").read_bytes()
    with door_before(tmp_path, "--record-without=Gender") as (door, _):
        answered, _ = scored(door, LIST, body)
        eventually(lambda: counts(door) == (CUSTOMERS + 1, 0))
        assert not [*(tmp_path / "spool").glob("gateway-*/request-*")]
    found = {row.row: row for row in rows(tmp_path / "record")}
    assert [*found] == [*range(2, CUSTOMERS + 2), CUSTOMERS + 3]
    assert {(row.request_id, row.version, row.model, row.label) for row in found.values()} == {
        ("one", "1", "customer-model", "rest")
    }
    assert [row.customer for row in found.values()] == [*(f"=c{n}" for n in range(CUSTOMERS)), "last"]
    assert [row.probability for row in found.values()][:2] == [0.9, 0.8975]
    first, last = found[2].features, found[CUSTOMERS + 3].features
    assert {name: first[name] for name in ("Age", "Profession", "Family_Size")} == {
        "Age": 90.0, "Profession": "Healthcare", "Family_Size": 4.0,
    }  # fmt: skip
    assert (last["Ever_Married"], last["Age"]) == ("", 61.5)
    assert repr(first["Work_Experience"]) == repr(last["Family_Size"]) == "nan"
    assert "Gender" not in first
    listed = {int(row["row"]): row for row in cells(answered)}
    assert {number: row.group for number, row in found.items() if row.group is not None} == {
        number: row["group"] or "targeted" for number, row in listed.items()
    }
    for number, row in listed.items():
        assert found[number].propensity == pytest.approx(float(row["propensity"]), rel=1e-5)
    below = {row.propensity for number, row in found.items() if number not in listed}
    assert {round(chance or 0, 9) for chance in below} == {round(0.9 * 10 / (CUSTOMERS + 1 - 90), 9)}
    assert sum(row.propensity or 0 for row in found.values()) == pytest.approx(90)


def test_without_exploring_those_who_are_not_listed_have_no_chance(tmp_path: Path) -> None:
    body = customers(tmp_path / "in.csv").read_bytes()
    with door_before(tmp_path, "--record-without=ID") as (door, _):
        scored(door, "/v1/score?top=100&explore=0", body, "cut")
        scored(door, "/v1/score", body, "uncut")
        scored(door, "/v1/score?control=10%25", body, "control")
        eventually(lambda: counts(door) == (3 * CUSTOMERS, 0))
    found = rows(tmp_path / "record")

    def chances(name: str) -> list[float | None]:
        return [row.propensity for row in found if row.request_id == name]

    assert chances("cut") == [1.0] * 100 + [0.0] * 200
    assert chances("uncut") == [None] * CUSTOMERS, "nobody said whom to ask"
    assert chances("control") == [0.9] * CUSTOMERS
    assert sum(row.group == "control" for row in found) == 30
    assert {row.customer for row in found} == {None}


def test_only_requests_of_the_sample_that_are_answered_well_are_recorded(tmp_path: Path) -> None:
    body = write(tmp_path / "in.csv", "1,Male,No,22,No,Healthcare,1,Low,4").read_bytes()
    with door_before(tmp_path, "--record-share=0.5") as (door, _):
        for number in range(16):
            scored(door, "/v1/score", body, f"request-{number}")
            assert ask(door.url, "POST", "/v1/score", b"x,y\n1,2\n", CSV)[0] == 422
        eventually(lambda: counts(door)[0] > 0)
    sampled = {row.request_id for row in rows(tmp_path / "record")}
    assert 0 < len(sampled) < 16
    assert all(name.startswith("request-") for name in sampled)


def test_a_recorder_that_is_gone_delays_no_answer_and_is_counted(tmp_path: Path) -> None:
    body = customers(tmp_path / "in.csv").read_bytes()
    with door_before(tmp_path) as (door, _):

        def is_dropped() -> bool:
            """Whether a file was dropped; on a slow machine another writer may be there in time."""
            eventually(lambda: health(door)["record"]["state"] == "writing")
            before = sum(counts(door))
            os.kill(writer_of(door), signal.SIGKILL)
            eventually(lambda: health(door)["record"]["state"] == "stopped")
            scored(door, LIST, body)
            eventually(lambda: sum(counts(door)) > before)
            return counts(door)[1] == 1

        eventually(is_dropped, within=300)
        assert not [*(tmp_path / "spool").glob("gateway-*/request-*")]


def test_a_file_for_which_there_is_no_room_is_dropped_as_a_whole_and_counted_once(tmp_path: Path) -> None:
    noise = (base64.b64encode(os.urandom(3000)).decode() for _ in range(3500))  # 10 MB that nothing makes smaller
    file = write(tmp_path / "in.csv", *(f"{n},Male,No,22,No,{text},1,Low,4" for n, text in enumerate(noise)))
    with door_before(tmp_path) as (door, _):
        scored(door, "/v1/score?top=10", file.read_bytes())
        eventually(lambda: counts(door) == (0, 1))
        scored(door, "/v1/score?top=10", customers(file).read_bytes(), "two")
        eventually(lambda: counts(door) == (CUSTOMERS, 1))
        assert not [*(tmp_path / "spool").glob("gateway-*/request-*")]
    assert {row.request_id for row in rows(tmp_path / "record")} == {"two"}


def test_what_is_scored_in_the_last_moment_is_recorded(tmp_path: Path) -> None:
    body = customers(tmp_path / "in.csv").read_bytes()
    with door_before(tmp_path) as (door, _):
        scored(door, LIST, body)
        assert door.stop() == 0
    assert len(rows(tmp_path / "record")) == CUSTOMERS
    assert not [*(tmp_path / "spool").glob("gateway-*")]


def with_outcomes(listed: bytes, separator: str = ",", line_end: str = "\n") -> bytes:
    """A list with two columns more: every second customer who was asked has an outcome."""
    head, *lines = listed.decode("utf-8-sig").removesuffix(line_end).split(line_end)
    ends = [("D", "2026-11-20") if number % 2 else ("", "") for number in range(len(lines))]
    added = [separator.join((line, *end)) for line, end in zip(lines, ends, strict=True)]
    return line_end.join((separator.join((head, "outcome", "outcome_date")), *added, "")).encode()


def kept(tmp_path: Path) -> list[Outcome]:
    return [found.outcome for found in read_outcomes(tmp_path / "outcomes", Unreadable())]


def check(outcomes: list[Outcome], recorded: list[RecordedRow]) -> None:
    """Each row that came back names a recorded one, and says the same of it."""
    by_key = {(row.request_id, row.row): row for row in recorded}
    assert len(outcomes) == 100
    assert sum(outcome.label == "D" for outcome in outcomes) == 50
    for outcome in outcomes:
        row = by_key[outcome.request_id or "", outcome.row or 0]
        assert (outcome.customer, outcome.version) == (row.customer, row.version)
        assert (outcome.group or "targeted") == row.group
        assert outcome.propensity == pytest.approx(row.propensity, rel=1e-5)
        assert outcome.probability == pytest.approx(row.probability, abs=1e-6)


@pytest.mark.parametrize(("separator", "line_end"), [(",", "\n"), (";", "\r\n")])
def test_a_csv_comes_back_with_two_columns_more(separator: str, line_end: str, tmp_path: Path) -> None:
    text = customers(tmp_path / "in.csv").read_text().replace(",", separator).replace("\n", line_end)
    if separator == ";":
        text = text.replace(".", ",")  # numbers with a decimal comma come back as such
    with door_before(tmp_path) as (door, _):
        listed, _ = scored(door, LIST, text.encode())
        status, told, _ = ask(door.url, "POST", "/v1/outcomes", with_outcomes(listed, separator, line_end), CSV)
        assert (status, json.loads(told)["outcomes"]) == (200, 50), told
        eventually(lambda: counts(door) == (CUSTOMERS, 0))
    check(kept(tmp_path), rows(tmp_path / "record"))


def test_json_lines_come_back_with_two_names_more(tmp_path: Path) -> None:
    lines = []
    for row in cells(customers(tmp_path / "in.csv").read_bytes()):
        numbers = {name: float(row[name]) if row[name] else None for name in ("Age", "Work_Experience", "Family_Size")}
        lines.append(json.dumps({**row, "ID": float(row["ID"][2:]), **numbers}))
    with door_before(tmp_path) as (door, _):
        listed, _ = scored(door, LIST, "\n".join(lines).encode(), kind=JSON_LINES)
        found: list[dict[str, Any]] = [json.loads(line) for line in listed.splitlines()]
        for number, row in enumerate(found):
            row |= {"outcome": "D", "outcome_date": "2026-11-20"} if number % 2 else {}
        body = "\n".join(map(json.dumps, found)).encode()
        status, told, _ = ask(door.url, "POST", "/v1/outcomes", body, JSON_LINES)
        assert (status, json.loads(told)["outcomes"]) == (200, 50), told
        eventually(lambda: counts(door) == (CUSTOMERS, 0))
    check(kept(tmp_path), rows(tmp_path / "record"))
    assert kept(tmp_path)[0].customer == "0"


def test_a_list_of_the_command_comes_back_and_knows_itself(tmp_path: Path) -> None:
    file, out = customers(tmp_path / "in.csv"), tmp_path / "out.csv"
    with door_before(tmp_path, record=False) as (door, url):
        more = ("--top", "100", "--explore", "10%", "--control", "10%")
        assert score(file, "--out", str(out), *more, url=url)[0] == 0
        status, told, _ = ask(door.url, "POST", "/v1/outcomes", with_outcomes(out.read_bytes()), CSV)
        assert (status, json.loads(told)["outcomes"]) == (200, 50), told
    found = kept(tmp_path)
    written = cells(out.read_bytes())
    assert [outcome.request_id for outcome in found] == [row["request_id"] for row in written]
    assert [outcome.row for outcome in found] == [int(row["row"]) for row in written]
    assert [outcome.propensity for outcome in found] == [float(row["propensity"]) for row in written]
    assert [outcome.group or "" for outcome in found] == [row["group"] for row in written]


def test_the_header_of_a_file_may_not_have_the_names_of_a_list(tmp_path: Path) -> None:
    body = write(tmp_path / "in.csv", "1,Male,No,22,No,Healthcare,1,Low,4", header=HEADER.replace("ID", "version"))
    with door_before(tmp_path, record=False) as (door, _):
        status, told, _ = ask(door.url, "POST", "/v1/score", body.read_bytes(), CSV)
    assert (status, "already has a column 'version'" in error_of(told)) == (422, True)
