"""Files of spreadsheets: workbooks in and out, decimal commas, and texts that begin like a formula."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from serving.score.row_writers import CsvRowWriter, is_formula, unguarded
from serving.tables.column_names import MatchedColumns
from serving.tables.csv_layout import CsvLayout
from tests.serving.client.stand_in import stand_in
from tests.serving.score.scoring import HEADER, many, read_csv, score, write
from tests.serving.score.test_trouble import Pretended

ROW = "1,Male,No,22,No,Healthcare,1,Low,4"


@pytest.fixture
def url() -> Iterator[str]:
    with stand_in(Pretended().answer) as url:
        yield url


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        page = book.add_worksheet("Kunden")
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return path


def cells(path: Path) -> list[list[Any]]:
    with CalamineWorkbook.from_path(path) as book:
        return [list(row) for row in book.get_sheet_by_index(0).to_python()]


def test_a_workbook_is_scored_into_a_workbook(url: str, tmp_path: Path) -> None:
    header = [*HEADER.split(","), "Note"]
    rows: list[list[Any]] = [
        [462809, "Male", "No", 22, "No", "Artist", 1.5, "Low", 4, "=1+1"],
        ["00123", "Female", "Yes", "61,5", "Yes", "Artist", "", "High", 2, "Zürich"],
        ["Total", "", "", "", "", "", "", "", "", ""],
    ]
    file, out = workbook(tmp_path / "in.xlsx", [header, *rows]), tmp_path / "out.xlsx"
    code, said, warned = score(file, "--out", str(out), url=url)
    assert code == 0, warned
    assert said.startswith("Scored 2 customers")
    assert cells(out) == [
        [*header, "probability", "label"],
        [*rows[0], 0.22, "1"],
        [*rows[1][:3], 61.5, *rows[1][4:], 0.615, "1"],
        [*rows[2], "", ""],
    ]
    assert f"{file}: line 4: no value for any input" in warned
    code, _, _ = score(file, "--out", str(out), "--top", "1", url=url)
    assert (code, cells(out)[1][:2], cells(out)[1][-8:-5]) == (0, [1.0, "00123"], [0.615, "1", ""])
    assert cells(out)[1][-4:] == [3.0, 1.0, 1.0, ""]


def test_a_workbook_becomes_a_csv_and_a_csv_a_workbook(url: str, tmp_path: Path) -> None:
    file = workbook(tmp_path / "in.xlsx", [HEADER.split(","), [1, "Male", "No", 22, "No", "Artist", 1, "Low", 4]])
    assert score(file, "--out", str(tmp_path / "out.CSV"), url=url)[0] == 0
    assert read_csv(tmp_path / "out.CSV")[1] == [*ROW.replace("Healthcare", "Artist").split(","), "0.220000", "1"]
    assert score(many(tmp_path / "in.csv", 30), "--out", str(tmp_path / "out.xlsx"), url=url)[0] == 0
    assert cells(tmp_path / "out.xlsx")[2][3:] == [19.0, "Yes", "Artist", 1.0, "Average", 2.0, 0.19, "1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "in.xlsx", "out.CSV", "out.xlsx"]


def test_a_text_that_looks_like_a_power_of_ten_stays_a_text(url: str, tmp_path: Path) -> None:
    names = ["12E4", "1e5", "1.5E-3", "007"]
    file = write(tmp_path / "in.csv", *(ROW.replace("1,Male", f"{name},Male") for name in names))
    assert score(file, "--out", str(tmp_path / "out.xlsx"), url=url)[0] == 0
    assert [row[0] for row in cells(tmp_path / "out.xlsx")[1:]] == names


@pytest.mark.parametrize("top", [(), ("--top", "1")])
def test_more_columns_than_a_workbook_has_are_refused(top: tuple[str, ...], url: str, tmp_path: Path) -> None:
    more = 16_384 - len(HEADER.split(",")) - 1
    header, row = f"{HEADER},{','.join(f'c{n}' for n in range(more))}", f"{ROW},{','.join(['7'] * more)}"
    file, out = write(tmp_path / "in.csv", row, header=header), tmp_path / "out.xlsx"
    code, _, warned = score(file, "--out", str(out), *top, url=url)
    columns = "16,392" if top else "16,385"
    assert (code, out.exists()) == (2, False)
    assert warned.endswith(
        f"{out}: a workbook holds 16,384 columns, and there are {columns}. Give --out a name ending in .csv.\n"
    )
    assert score(file, "--out", str(tmp_path / "out.csv"), *top, url=url)[0] == 0


def test_the_header_of_a_workbook_stays_in_sight_and_its_columns_are_as_wide_as_their_texts(
    url: str, tmp_path: Path
) -> None:
    rows = [f"{ROW},{'x' * 30}", f"{ROW},{'y' * 300}"]
    file, out = write(tmp_path / "in.csv", *rows, header=f"{HEADER},Note"), tmp_path / "out.xlsx"
    for top in ((), ("--top", "2")):
        assert score(file, "--out", str(out), *top, url=url)[0] == 0
        with zipfile.ZipFile(out) as parts:
            sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' in sheet
        found = re.findall(r'<col min="(\d+)" max="(\d+)" width="([\d.]+)"', sheet)
        widths = {place: float(width) for low, high, width in found for place in range(int(low), int(high) + 1)}
        note = 10 + len(top) // 2
        assert [int(widths[note + step]) for step in (-9, -6, -2, 0, 1)] == [9, 9, 15, 51, 12]
        assert max(widths) == len(cells(out)[0])


@pytest.mark.parametrize("name", ["out.txt", "out", "out.xls", "out.csv.gz", "out.ods"])
def test_another_ending_is_refused(name: str, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        score(many(tmp_path / "in.csv", 3), "--out", str(tmp_path / name), url=url)
    assert stopped.value.code == 2
    assert "the name must end in .csv, or in .xlsx for a workbook" in capsys.readouterr().err


@pytest.mark.parametrize("decimal", [",", "."])
def test_a_decimal_comma_is_read_and_written(decimal: str, url: str, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text(f"{HEADER}\n{ROW.replace('22', '22.5')}\n".replace(",", ";").replace(".", decimal))
    assert score(file, "--out", str(out), url=url)[0] == 0
    assert read_csv(out, ";")[1][-2] == f"0{decimal}225000"


def test_the_line_that_names_the_separator_is_said_and_kept(url: str, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(f"sep=;\r\n{HEADER}\r\n{ROW}\r\n".replace(",", ";").encode())
    code, _, warned = score(file, "--out", str(out), url=url)
    assert (code, "its first line, sep=;, is taken as the name of the separator" in warned) == (0, True)
    assert out.read_bytes().splitlines()[0] == b"sep=;"
    assert out.read_bytes().count(b"\r\n") == 3


def test_a_title_above_the_header_of_a_workbook_is_named(url: str, tmp_path: Path) -> None:
    file = workbook(tmp_path / "in.xlsx", [["Customers 2024"], [], HEADER.split(","), ROW.split(",")])
    code, _, warned = score(file, "--out", str(tmp_path / "out.csv"), url=url)
    assert (code, warned) == (
        2,
        f"{file}: line 3 is the header, and other lines stand before it. Delete those, and try again.\n",
    )


def test_a_stray_cell_at_the_end_of_the_sheet_is_named_before_memory_is_taken(url: str, tmp_path: Path) -> None:
    rows = [HEADER.split(","), ROW.split(",")]
    file, out = tmp_path / "in.xlsx", tmp_path / "out.csv"
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
        page.write_string(1_048_575, 16_383, "x")
    code, _, warned = score(file, "--out", str(out), url=url)
    assert (code, warned.count("\n")) == (2, 1)
    assert "a sheet reaches over 17,179,869,184 cells, most of them empty; 33,554,432 is the limit. Delete" in warned
    with xlsxwriter.Workbook(file) as book:  # only formatted: it takes no room
        page = book.add_worksheet()
        used: list[list[Any]] = [[*rows[0]], [1, "Male", "No", 22, "No", "Artist", 1, "Low", 4]]
        for number, cells_of_row in enumerate(used):
            page.write_row(number, 0, cells_of_row)
        page.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))
    assert score(file, "--out", str(out), url=url)[0] == 0


@pytest.mark.parametrize("kind", ["text", "damaged", "empty"])
def test_what_only_looks_like_a_workbook_is_named(kind: str, url: str, tmp_path: Path) -> None:
    file = tmp_path / "in.xlsx"
    file.write_bytes({"text": b"PK\x03\x04 and no more", "damaged": b"", "empty": b""}[kind])
    if kind == "damaged":
        whole = workbook(tmp_path / "whole.xlsx", [HEADER.split(",")] * 300).read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        workbook(file, [])
    code, _, warned = score(file, "--out", str(tmp_path / "out.csv"), url=url)
    assert (code, warned.count("\n")) == (2, 1)
    assert ("the workbook is empty" if kind == "empty" else "a zip archive or a damaged workbook") in warned


FORMULAS = ["=1+1", "=cmd|' /C calc'!A0", "+SUM(A1)", "-2+3+cmd", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "+1-A1"]
PLAIN = ["-5", "+22", "-1.234,50", "+49 170 1234567", "-", "a=1", "", "'=1", "1-2", "Artist", "-1e3", "22,5"]


@pytest.mark.parametrize("top", [(), ("--top", "100%")])
def test_texts_that_begin_like_a_formula_are_written_so_that_none_runs(
    top: tuple[str, ...], url: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    values = [*FORMULAS, *PLAIN]
    quoted = ['"' + value.replace('"', '""') + '"' for value in values]
    file.write_text(f"{HEADER},=Note\n" + "".join(f"{ROW},{value}\n" for value in quoted), newline="")
    code, _, warned = score(file, "--out", str(out), *top, url=url)
    kept = [row[9 + bool(top)] for row in read_csv(out)]
    assert (code, kept[0]) == (0, "'=Note")
    before = {"\t=1": "\t'=1", "\r=1": "\r'=1"}  # they may end a cell, or a row
    assert kept[1:] == [*(before.get(value, f"'{value}") for value in FORMULAS), *PLAIN]
    assert f"{len(FORMULAS) + 1} texts begin like a formula" in warned


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("other", [",", ";", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("formula", ["=1+1", " @SUM(A1)", '"=1"', "\uff1d1"])
def test_no_formula_begins_a_cell_where_a_spreadsheet_takes_another_separator(
    separator: str, other: str, formula: str
) -> None:
    text = f"x{other}{formula}"
    row = ["1", text, "5; -3,5"]
    out = io.BytesIO()
    writer = CsvRowWriter(out, CsvLayout([], MatchedColumns({}, {}), separator=separator))
    writer.write(row)
    (found,) = csv.reader(io.StringIO(out.getvalue().decode(), newline=""), delimiter=separator)
    is_cell = separator != other
    assert found == [row[0], f"x{other}'{formula}" if is_cell else text, row[2]]
    assert writer.guarded == is_cell
    assert unguarded(found[1]) == text


def test_only_texts_that_may_run_count_as_formulas() -> None:
    assert [*map(is_formula, FORMULAS)] == [True] * len(FORMULAS)
    assert [*map(is_formula, PLAIN)] == [False] * len(PLAIN)


def test_a_latin_1_file_is_named_once_with_the_line_of_the_byte(url: str, tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", ROW, ROW.replace("Healthcare", "Künstler"), ROW.replace("Low", "gering\xdf"))
    file.write_bytes(file.read_text(encoding="utf-8").encode("latin-1"))
    code, _, warned = score(file, "--out", str(tmp_path / "out.csv"), url=url)
    assert code == 2
    assert warned == (
        f'{file}: not UTF-8: byte 0xFC in line 3. Save the file as UTF-8, which Excel calls "CSV UTF-8"; '
        "it may be Windows-1252 or Latin-1.\n"
    )
