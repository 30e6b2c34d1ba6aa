"""The record of a kept list: of its whole file, for its owner alone; and what goes when a customer is erased."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.gateway.page.work.tasks import WriteTask
from serving.gateway.scoring import process
from serving.records.erase import Whom, erase_everywhere
from serving.records.kept_lists import kept_list_files
from serving.records.outcome import Outcome
from serving.records.parquet_rows import read_rows
from serving.records.row import RecordedRow
from tests.serving.gateway.gateway_process import GatewayProcess
from tests.serving.gateway.page.release import MODEL, write_release
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.gateway.test_lists import cells, kept, with_outcomes
from tests.serving.gateway.test_score import workbook
from tests.serving.live import ServerProcess, ask
from tests.serving.records.test_erase import erase
from tests.serving.score.scoring import many, score

ROWS = 60


@pytest.fixture
def door(golden_server: ServerProcess, tmp_path: Path) -> Iterator[GatewayProcess]:
    write_release(tmp_path, golden_server.url)
    flags = (f"--upstream={golden_server.url}", f"--spool={tmp_path / 'spool'}", f"--model={MODEL}")
    directories = (f"--lists={tmp_path / 'lists'}", f"--outcomes={tmp_path / 'outcomes'}", "--outcome-labels=D,rest")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ROOT", str(tmp_path))
        process = GatewayProcess(*flags, *directories, log=tmp_path / "log")
        try:
            yield process
        finally:
            process.stop()


def kept_list(visitor: Visitor, body: bytes) -> str:
    """The identifier of a list that is kept, and open no more."""
    found = visitor.list_of(body)
    visitor.json("POST", f"/page/lists/{found}/keep")
    visitor.leave()
    return found


def record_of(lists: Path) -> list[RecordedRow]:
    (path,) = kept_list_files(lists)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return [*read_rows(path)]


def test_the_download_of_a_kept_list_leaves_the_record_of_its_file(door: GatewayProcess, tmp_path: Path) -> None:
    visitor, lists = Visitor(door.url), tmp_path / "lists"
    file = many(tmp_path / "in.csv", ROWS)
    found = visitor.list_of(file.read_bytes())
    visitor.download(found, by="number", number="20")
    assert kept_list_files(lists) == [], "nothing is recorded of a list that nobody keeps"
    visitor.leave()
    found = kept_list(visitor, file.read_bytes())
    assert kept_list_files(lists) == []
    body = visitor.download(found, by="number", number="20")
    assert visitor.download(found, by="number", number="20") == body
    listed, recorded = cells(body), record_of(lists)
    assert kept_list_files(lists)[0].name == f"{listed[0]['request_id']}.parquet"
    assert kept_list_files(lists)[0].parent.name == found
    assert [row.row for row in recorded] == [*range(2, ROWS + 2)]
    assert {(row.request_id, row.version, row.model) for row in recorded} == {(listed[0]["request_id"], "1", MODEL)}
    propensity = {row.row: row.propensity for row in recorded}
    assert {number for number, chance in propensity.items() if chance} == {int(row["row"]) for row in listed}
    assert set(propensity.values()) == {0.0, 1.0}
    lines = file.read_text().splitlines()
    for row in recorded:
        given = lines[row.row - 1].split(",")
        assert row.customer == given[0]
        assert [row.features["Gender"], row.features["Age"], row.features["Family_Size"]] == [
            given[1], float(given[3]), float(given[8]),
        ]  # fmt: skip
    by_line = {int(row["row"]): row for row in listed}
    assert {row.row: row.label for row in recorded if row.row in by_line} == {
        number: row["label"] for number, row in by_line.items()
    }
    assert [row.probability for row in recorded if row.row in by_line] == pytest.approx(
        [float(by_line[number]["probability"]) for number in sorted(by_line)], abs=1e-6
    )
    visitor.download(found, by="number", number="30")
    assert len(kept_list_files(lists)) == 2, "another list has a record of its own"


def test_a_workbook_has_a_record_too(door: GatewayProcess, tmp_path: Path) -> None:
    rows = (("x", "Male", "No", 22, "No", "Artist", 1, "Low", 4), ("", "", "", "61,5", "Yes", "artist ", "", "", 2))
    found = kept_list(visitor := Visitor(door.url), workbook(*rows))
    visitor.download(found, by="number", number="1")
    first, second = record_of(tmp_path / "lists")
    assert (first.row, first.customer, first.features["Age"]) == (2, "x", 22.0)
    assert (second.row, second.customer, second.features["Age"], second.features["Profession"]) == (
        3, None, 61.5, "Artist",
    )  # fmt: skip


def test_a_list_with_lots_is_that_of_the_command_and_comes_back(
    door: GatewayProcess, golden_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    file, out = many(tmp_path / "in.csv", 300), tmp_path / "out.csv"
    more = ("--model", MODEL, "--top", "100", "--explore", "10%", "--control", "10%")
    assert score(file, "--out", str(out), *more, url=golden_server.url)[0] == 0
    command = cells(out.read_bytes())
    place = tmp_path / "lists" / kept_list(Visitor(door.url), file.read_bytes())
    task = WriteTask(str(place), "list.csv", len(command), None, explore=0.1, control=0.1)
    assert asyncio.run(process.run("serving.gateway.page.work.write_list", task.line())).status == 200
    body = (place / "list.csv").read_bytes()
    found = cells(body)
    assert [{name: row[name] for name in command[0]} for row in found] == command
    assert {row["group"] for row in found} == {"", "explored", "control"}
    recorded = {row.row: row for row in record_of(tmp_path / "lists")}
    for row in found:
        one = recorded[int(row["row"])]
        assert one.group == (row["group"] or "targeted")
        assert one.propensity == pytest.approx(float(row["propensity"]), rel=1e-5)
    assert min(row.propensity or 0 for row in recorded.values()) > 0
    status, told, _ = ask(door.url, "POST", "/v1/outcomes", with_outcomes(body), {"Content-Type": "text/csv"})
    assert status == 200, told
    assert {(row.request_id, row.row) for row in kept(tmp_path)} <= {
        (row.request_id, row.row) for row in recorded.values()
    }


def test_a_kept_list_with_an_erased_customer_goes_as_a_whole_and_others_stay(
    door: GatewayProcess, tmp_path: Path
) -> None:
    visitor, lists = Visitor(door.url), tmp_path / "lists"
    body = many(tmp_path / "in.csv", 20).read_bytes()
    with_customer = kept_list(visitor, body.replace(b"\n7,", b"\n466735,"))
    other = kept_list(visitor, body)
    nameless = kept_list(visitor, body.replace(b"ID,", b"Number,"))
    listed = cells(visitor.download(with_customer, by="number", number="20"))
    visitor.download(other, by="number", number="20")
    (row,) = [row for row in listed if row["ID"] == "466735"]
    by_row = f"request_id,row,outcome,outcome_date\n{row['request_id']},{row['row']},D,2026-11-01\n".encode()
    assert ask(door.url, "POST", "/v1/outcomes", by_row, {"Content-Type": "text/csv"})[0] == 200
    ended = erase("--id=466735", f"--lists={lists}", f"--outcomes={tmp_path / 'outcomes'}")
    assert ended.returncode == 0, ended.stderr
    assert f"{lists}: removed 1 kept list as a whole, with 1 row in their records" in ended.stdout
    assert "20 rows left there without a customer's identifier" in ended.stdout
    assert "no directory of rows was named: none was searched." in ended.stdout
    assert {about["id"] for about in visitor.json("GET", "/page/lists")["kept"]} == {other, nameless}
    assert not (lists / with_customer).exists()
    assert kept(tmp_path) == [], "what came of the customer is known by the row of the list alone"
    assert len(kept_list_files(lists)) == 1
    assert not [path for path in lists.rglob("*") if path.is_file() and b"466735" in path.read_bytes()]
    assert "no kept list has the customer." in erase("--id=466735", f"--lists={lists}").stdout


def test_a_kill_while_a_list_is_removed_is_made_good_by_the_next_call(tmp_path: Path) -> None:
    left = tmp_path / f".{'0' * 32}.removed"
    left.mkdir()
    (left / "rows.csv").write_text("466735\n")
    erased = erase_everywhere(None, None, Whom("1"), tmp_path)
    assert (erased[2].rows, [*tmp_path.iterdir()]) == (0, [])


def test_a_kept_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    place = tmp_path / ("0" * 32)
    place.mkdir()
    (place / "kept.json").write_text("{}")
    ended = erase("--id=466735", f"--lists={tmp_path}")
    assert ended.returncode == 1
    assert "0 lines and 1 file there cannot be read" in ended.stdout


def test_an_identifier_that_looks_like_a_formula_comes_back_as_it_was(door: GatewayProcess, tmp_path: Path) -> None:
    upload = b"ID,outcome,outcome_date\n'=1+1,D,2026-11-01\n'quoted,D,2026-11-01\n"
    assert ask(door.url, "POST", "/v1/outcomes", upload, {"Content-Type": "text/csv"})[0] == 200
    named = [outcome.customer for outcome in kept(tmp_path)]
    assert named == ["=1+1", "'quoted"]
    assert isinstance(kept(tmp_path)[0], Outcome)
