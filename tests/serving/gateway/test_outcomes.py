"""POST /v1/outcomes of a real gateway: strict about each row, and 200 only for what is there for good."""

import http.client
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from serving.records.outcome import Outcome
from serving.records.outcome_files import KeptOutcome, outcome_files, read_outcomes
from serving.records.record_directory import Unreadable
from tests.serving.gateway.gateway_process import GatewayProcess, answer, gateway, stand_in
from tests.serving.live import ask, error_of, eventually

CSV = {"Content-Type": "text/csv"}
JSON_LINES = {"Content-Type": "application/x-ndjson"}
GOOD = b"request_id,row,label,date\nlist-1,12,D,2026-11-01\nlist-1,13,rest,2026-11-02\n"


@contextmanager
def taking(tmp_path: Path, *flags: str) -> Iterator[GatewayProcess]:
    labels = () if any(flag.startswith("--outcome-labels") for flag in flags) else ("--outcome-labels=D,rest",)
    options = (f"--outcomes={tmp_path / 'outcomes'}", f"--spool={tmp_path / 'spool'}", *labels, *flags)
    with (
        stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as server,
        gateway(server.url, *options, log=tmp_path / "log") as door,
    ):
        yield door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[GatewayProcess]:
    with taking(tmp_path) as process:
        yield process


def send(door: GatewayProcess, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    status, body, _ = ask(door.url, "POST", "/v1/outcomes", body, headers or CSV)
    return status, json.loads(body) if status == 200 else error_of(body)


def kept(tmp_path: Path) -> list[KeptOutcome]:
    unreadable = Unreadable()
    found = [*read_outcomes(tmp_path / "outcomes", unreadable)]
    assert unreadable == Unreadable()
    return found


def test_outcomes_are_kept_with_their_time_and_place_for_their_owner_alone(
    door: GatewayProcess, tmp_path: Path
) -> None:
    status, told = send(door, GOOD)
    assert status == 200
    assert {name: told[name] for name in ("outcomes", "without_outcome", "was_there_already")} == {
        "outcomes": 2,
        "without_outcome": 0,
        "was_there_already": False,
    }
    found = kept(tmp_path)
    assert [each.outcome for each in found] == [
        Outcome("list-1", 12, None, "D", "2026-11-01"),
        Outcome("list-1", 13, None, "rest", "2026-11-02"),
    ]
    assert [each.place for each in found] == [f"{told['file']}:1", f"{told['file']}:2"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(found[0].received)) < timedelta(minutes=5)
    directory = tmp_path / "outcomes"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert "list-1" not in (tmp_path / "log").read_text()


def test_the_same_upload_is_recognised_in_whatever_form_it_comes(door: GatewayProcess, tmp_path: Path) -> None:
    first = send(door, GOOD)[1]
    lines = (
        b'{"request_id": "list-1", "row": 12, "label": "D", "date": "2026-11-01"}\n\n'
        b'{"request_id": "list-1", "row": "13", "label": "rest", "date": "2026-11-02T10:00:00"}\n'
    )
    for body, headers in ((GOOD, CSV), (GOOD.replace(b",", b";"), CSV), (lines, JSON_LINES)):
        status, told = send(door, body, headers)
        assert (status, told["was_there_already"], told["file"]) == (200, True, first["file"])
    assert len(kept(tmp_path)) == 2


def test_an_upload_that_takes_a_correction_back_is_kept_anew(door: GatewayProcess, tmp_path: Path) -> None:
    correction = GOOD.replace(b"D,", b"rest,")
    assert [send(door, body)[1]["was_there_already"] for body in (GOOD, correction, GOOD)] == [False] * 3
    assert [each.outcome.label for each in kept(tmp_path)][::2] == ["D", "rest", "D"]
    assert send(door, GOOD)[1]["was_there_already"]


def test_a_list_that_comes_back_is_kept_with_what_it_says_of_each_row(door: GatewayProcess, tmp_path: Path) -> None:
    body = (
        "\ufeffrank;ID;Age;probability;label;request_id;row;version;propensity;group;outcome;outcome_date\r\n"
        "1;466735;22;0,91;D;list-2;17;7;0,95;;D;2026-11-03\r\n"
        "2;466736;40;0,80;D;list-2;2;7;0,95;control;;\r\n"
        "3;466737;41;0,10;rest;list-2;9;7;0,02;explored;rest;2026-11-04\r\n"
    )
    status, told = send(door, body.encode())
    assert (status, told["outcomes"], told["without_outcome"]) == (200, 2, 1)
    assert [each.outcome for each in kept(tmp_path)] == [
        Outcome("list-2", 17, "466735", "D", "2026-11-03", "7", 0.91, 0.95),
        Outcome("list-2", 2, "466736", None, None, "7", 0.80, 0.95, "control"),
        Outcome("list-2", 9, "466737", "rest", "2026-11-04", "7", 0.10, 0.02, "explored"),
    ]


def test_each_wrong_row_is_named_and_nothing_is_kept(door: GatewayProcess, tmp_path: Path) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    rows = [
        ("a,1,,D,2026-11-01", ""),
        ("a,2,,Dee,2026-11-01", "the outcome is 'Dee': write D or rest, or leave it empty"),
        ("a,3,,D,11/01/2026", "the date is '11/01/2026': write one like 2026-11-29 or 29.11.2026"),
        (f"a,4,,D,{tomorrow}", f"the date {tomorrow} is in the future"),
        ("a,5,,D,1926-11-01", "the date 1926-11-01 is before 2000"),
        ("a,0,,D,2026-11-01", "row is '0', not the number of a row, from 1"),
        ("a,6,,D,", "the outcome has no date: write one like 2026-11-29"),
        ("a,,,D,2026-11-01", "request_id and row belong together, and one of them is missing"),
        (",,,D,2026-11-01", "it names neither a request_id with a row nor a customer"),
        ("a,-1,,D,2026-11-01", "row is '-1', not the number of a row, from 1"),
        ("a b,1,,D,2026-11-01", "'a b' is no request_id"),
        (f",,{'9' * 300},D,2026-11-01", "the customer has more than 200 characters"),
        ("a,1,,rest,2026-11-01", "it says rest, and row 2 says D of the same customer and date"),
        ("a,7,,D", "4 values instead of 5"),
    ]
    body = "\n".join(["request_id,row,customer,label,date", *(text for text, _ in rows)])
    status, said = send(door, body.encode())
    assert status == 422
    assert said.startswith("13 rows are wrong; nothing was kept.\n")
    for number, (_, wrong) in list(enumerate(rows, start=2))[1:11]:
        assert f"  row {number}: {wrong}\n" in said
    assert said.endswith("and 3 more")
    assert kept(tmp_path) == []
    status, said = send(
        door, "\n".join(["request_id,row,customer,label,date", rows[0][0], *(t for t, _ in rows[-2:])]).encode()
    )
    assert said == "2 rows are wrong; nothing was kept.\n  row 3: {}\n  row 4: {}".format(*(w for _, w in rows[-2:]))


@pytest.mark.parametrize(
    "rows",
    [
        ("r1,1,7,D,2026-11-20", "r2,5,7,rest,2026-11-20"),
        ("r1,1,7,D,2026-11-20", ",,7,rest,2026-11-20"),
        ("r1,1,7,D,2026-11-20", "r1,1,8,rest,2026-11-20"),
    ],
)
def test_rows_that_contradict_each_other_about_a_customer_or_a_row_are_refused(
    rows: tuple[str, str], door: GatewayProcess, tmp_path: Path
) -> None:
    status, said = send(door, "\n".join(["request_id,row,customer,label,date", *rows]).encode())
    assert (status, "row 3: it says rest, and row 2 says D of the same customer and date" in said) == (422, True)
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"", CSV, 422, "empty"),
        (b"request_id,row,label,date\n", CSV, 422, "no row with an outcome"),
        (b"label,date\nD,2026-11-01\n", CSV, 422, "lacks a column customer, or request_id and row"),
        (b"ID,date\n1,2026-11-01\n", CSV, 422, "lacks a column outcome (or label)"),
        (b"ID,label\n1,D\n", CSV, 422, "lacks a column outcome_date (or date)"),
        (b"ID,probability,label,date\n1,0.5,D,2026-11-01\n", CSV, 422, "its label is what the model said"),
        (b"ID,label,date\n1,D,2026-11-01\n", {"Content-Type": "text/html"}, 415, "text/csv, application/vnd.openxml"),
        (b"ID,label,date\n1,D,2026-11-01\n", CSV | {"Content-Encoding": "gzip"}, 415, "compressed"),
        (b"ID,label,date,propensity\n1,D,2026-11-01,0\n", CSV, 422, "its propensity is 0: nobody asked"),
        (b"[1]\nnot JSON\n", JSON_LINES, 422, "row 1: it is not a JSON object\n  row 2: it is not JSON"),
        (b"[" * 100_000, JSON_LINES, 422, "row 1: it has more than 65,536 bytes"),
        (b"\xff" * 100, CSV, 422, "UTF-8"),
        (b"x" * ((2 << 20) + 1), CSV, 413, "several requests"),
        (b"ID,label,date\n" + b"1,D,2026-11-01\n" * 50_001, CSV, 422, "more than 50,000 rows"),
    ],
)
def test_what_is_no_upload_of_outcomes_is_refused(
    door: GatewayProcess, tmp_path: Path, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    found, said = send(door, body, headers)
    assert (found, says in said) == (status, True), said
    assert outcome_files(tmp_path / "outcomes") == []
    assert not [*(tmp_path / "spool").glob("gateway-*/request-*")]


def test_other_methods_and_a_gateway_that_keeps_none(door: GatewayProcess, tmp_path: Path) -> None:
    status, _, headers = ask(door.url, "GET", "/v1/outcomes")
    assert (status, headers["allow"]) == (405, "POST")
    with gateway("http://127.0.0.1:9", log=tmp_path / "other-log") as other:
        assert send(other, GOOD) == (404, "This gateway keeps no outcomes. Start it with --outcomes DIRECTORY.")


def test_the_words_are_those_of_the_version_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = tmp_path / "root/releases/7"
    release.mkdir(parents=True)
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    options = (f"--outcomes={tmp_path / 'outcomes'}", f"--spool={tmp_path / 'spool'}")
    with (
        stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as server,
        gateway(server.url, *options, log=tmp_path / "log") as door,
    ):
        eventually(lambda: json.loads(ask(door.url, "GET", "/healthz")[1])["version"] == "7")
        status, said = send(door, GOOD)
        assert status == 503
        assert "version 7 has no evaluation here. Start the gateway with --outcome-labels" in said
        (release / "evaluation.json").write_text('{"rows": 1, "target": "B"}')
        status, said = send(door, GOOD)
        assert (status, "'D': write B or rest" in said) == (422, True)
        assert send(door, GOOD.replace(b"D", b"B"))[0] == 200


def test_a_token_needs_the_scope(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    secrets = {}
    for scope in ("predict", "outcomes"):
        command = [
            sys.executable,
            "-m",
            "serving.gateway",
            "token",
            "add",
            scope,
            f"--scope={scope}",
            f"--file={tokens}",
        ]
        secrets[scope] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    with taking(tmp_path, f"--tokens={tokens}") as door:
        assert send(door, GOOD)[0] == 401
        assert send(door, GOOD, CSV | {"Authorization": f"Bearer {secrets['predict']}"})[0] == 403
        assert send(door, GOOD, CSV | {"Authorization": f"Bearer {secrets['outcomes']}"})[0] == 200
    (path,) = outcome_files(tmp_path / "outcomes")
    assert json.loads(path.read_bytes().splitlines()[0])["by"] == "outcomes"


def test_a_disk_that_is_full_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "outcomes"
    disk.mkdir()
    if os.geteuid() or os.system(f"mount -t tmpfs -o size=64k,mode=700 tmpfs {disk} 2>/dev/null"):
        pytest.skip("no disk can be mounted here")
    try:
        with taking(tmp_path) as door:
            assert send(door, GOOD)[0] == 200
            (disk / "filler").write_bytes(b"x" * (48 << 10))
            large = b"ID,label,date\n" + b"".join(b"%d,D,2026-11-01\n" % number for number in range(5000))
            status, said = send(door, large)
            assert (status, said) == (
                507,
                "The outcomes cannot be kept (No space left on device). Send them again later: none is counted twice.",
            )
            assert len(kept(tmp_path)) == 2
            (disk / "filler").unlink()
            assert send(door, GOOD.replace(b"list-1", b"list-2"))[0] == 200
            assert len(kept(tmp_path)) == 4
    finally:
        os.system(f"umount -l {disk}")


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Uploads without pause, kill -9 in the middle, three times; each upload is there as a whole or not at all."""
    acknowledged: set[str] = set()
    sent: list[str] = []
    for turn in range(3):
        with taking(tmp_path) as door:
            url = urlsplit(door.url)

            def upload(worker: int, turn: int = turn, url: Any = url) -> None:
                connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
                try:
                    for number in range(10_000):
                        name = f"list-{turn}-{worker}-{number}"
                        sent.append(name)
                        rows = "".join(f"{name},{row},D,2026-11-01\n" for row in range(1, 21))
                        connection.request("POST", "/v1/outcomes", f"request_id,row,label,date\n{rows}", CSV)
                        response = connection.getresponse()
                        if response.status == 200 and response.read():
                            acknowledged.add(name)
                except (OSError, http.client.HTTPException):
                    return
                finally:
                    connection.close()

            threads = [threading.Thread(target=upload, args=(worker,)) for worker in range(4)]
            for thread in threads:
                thread.start()
            eventually(lambda: len(acknowledged) >= 20 * (turn + 1))  # noqa: B023  # called at once
            time.sleep(0.01 * turn)
            door.process.kill()
            for thread in threads:
                thread.join(60)
    rows: dict[str, int] = {}
    for found in kept(tmp_path):
        name = str(found.outcome.request_id)
        rows[name] = rows.get(name, 0) + 1
    assert len(acknowledged) >= 60
    assert acknowledged <= set(rows) <= set(sent)
    assert set(rows.values()) == {20}
    with taking(tmp_path) as door:  # what a kill left beside goes with the next upload
        assert send(door, GOOD)[0] == 200
    assert not [*(tmp_path / "outcomes").glob(".*.part")]
