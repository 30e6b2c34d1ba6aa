"""What the command of the rehearsal accepts, where it works, and when a line counts as right."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from ml.data.sample import write_csv
from ml.rehearsal.command import main
from ml.rehearsal.fact import Fact, Line
from ml.rehearsal.faults.all_faults import ALL_FAULTS
from ml.rehearsal.rehearse import rehearse
from ml.rehearsal.table import WIDTHS, as_json, table
from ml.rehearsal.worlds import MOST_ROWS, Worlds


def told(*arguments: str) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = main(arguments, stdout, stderr)
    return code, stdout.getvalue(), stderr.getvalue()


def line(*facts: Fact) -> Line:
    return Line("a fault", "should be stopped", facts, 1.5)


def test_the_list_names_every_fault_and_what_should_come_of_it() -> None:
    code, listed, _ = told("--list")
    assert code == 0
    assert [row.split("  ")[0] for row in listed.splitlines()] == list(ALL_FAULTS)
    assert all(fault.should in listed for fault in ALL_FAULTS.values())


def test_a_fault_that_is_unknown_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    code, table_of_none, error = told("--only", "earthquake", "--keep", str(tmp_path / "kept"))
    assert (code, table_of_none) == (2, "")
    assert "earthquake" in error
    assert "SIGKILL" in error


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    code, _, error = told("--data", str(tmp_path / "none.csv"))
    assert code == 2
    assert "no such file" in error


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text("{}\n")
    code, _, error = told("--keep", str(tmp_path))
    assert code == 2
    assert "of no rehearsal" in error
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.jsonl"]


def test_a_line_is_right_when_every_fact_is_and_there_is_one() -> None:
    assert line(Fact("seen"), Fact("stopped")).ok
    assert not line(Fact("seen"), Fact("not stopped", False)).ok
    assert not line().ok, "nothing seen is nothing proven"


def test_the_table_says_which_line_is_wrong_and_keeps_its_width() -> None:
    shown = table([line(Fact("seen " * 40)), line(Fact("went through", False))])
    assert "WRONG: went through" in shown
    assert shown.splitlines()[-1].startswith("2 lines, 1 wrong: a fault; 3 s")
    assert max(map(len, shown.splitlines())) <= sum(WIDTHS.values()) + 9
    assert as_json([line(Fact("went through", False))])["ok"] is False


def test_an_error_of_the_rehearsal_is_a_wrong_line_and_the_next_has_its_turn(tmp_path: Path) -> None:
    worlds = Worlds(tmp_path / "kept", str(tmp_path / "no.csv"), tell=lambda _: None)
    faults = [ALL_FAULTS["drift"], ALL_FAULTS["SIGKILL"]]
    progress: list[str] = []
    worlds.directory.mkdir()
    lines = list(rehearse(faults, worlds, tell=progress.append))
    assert [one.ok for one in lines] == [False, False]
    assert sum("WRONG" in text for text in progress) == 2


@pytest.mark.parametrize("rows", [1500, MOST_ROWS + 1500])
def test_a_users_file_is_read_in_its_form_and_thinned_evenly(rows: int, tmp_path: Path) -> None:
    source = tmp_path / "customers.csv"
    write_csv(source, rows=rows, seed=3)
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_text(source.read_text().replace(",", ";").replace(".0", ",0"))
    worlds = Worlds(tmp_path / "kept", str(semicolons), tell=lambda _: None)
    worlds.begin()
    with worlds.data.open(newline="") as file:
        kept = [int(float(row["ID"])) for row in csv.DictReader(file)]
    assert len(kept) == min(rows, MOST_ROWS)
    assert (kept[0], kept == sorted(set(kept))) == (500_000, True)
    assert kept[-1] >= 500_000 + rows - 3
