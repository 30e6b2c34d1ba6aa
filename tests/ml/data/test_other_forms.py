"""Files of other programs: training reads the same forms as scoring, into the same values."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from ml.config.settings import resolve
from ml.data import csv_reader
from ml.data.csv_reader import parse_numbers, read_batches, read_columns
from ml.data.features import COLUMNS, FEATURES, NUMERIC
from ml.data.ingest import ingest
from ml.data.put_right import PutRight
from ml.errors import DataError
from ml.storage.root import Root
from serving.tables.customers import CustomersFile

HEADER = ",".join(COLUMNS)
ROWS = (
    "462809,Male,No,22,No,Healthcare,1.5,Low,4,Cat_4,D",
    "462810,Female,Yes,61,Yes,Artist,,High,2,Cat_6,A",
)
PLAIN = "".join(f"{line}\n" for line in (HEADER, *ROWS))


def ingested(tmp_path: Path, source: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    settings = dataclasses.replace(resolve(environment={}).data, source=str(source))
    return ingest(settings, root=Root(tmp_path), out=out).csv


def workbook(path: Path, rows: list[list[Any]], *, sheet: str = "Customers", first: str = "") -> Path:
    with xlsxwriter.Workbook(path) as book:
        if first:
            book.add_worksheet(first).write_string(0, 0, "Notes of the export")
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            for place, value in enumerate(row):
                if isinstance(value, str):
                    page.write_string(number, place, value)
                else:
                    page.write_number(number, place, value)
    return path


def as_cells(line: str) -> list[Any]:
    return [float(text) if text.replace(".", "").isdigit() else text for text in line.split(",")]


def in_training(csv: Path) -> list[dict[str, Any]]:
    columns = {name: column.to_pylist() for name, column in read_columns(csv).items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def in_scoring(path: Path) -> list[dict[str, Any]]:
    file = CustomersFile.of(path, {name: name in NUMERIC for name in FEATURES})
    file.check()
    return [
        {name: None if value == "" or value != value else value for name, value in customer.instance.items()}
        for chunk in file.chunks(100)
        for customer in chunk
        if customer.instance is not None
    ]


def written(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"mine.{'xlsx' if 'workbook' in kind else 'csv'}"
    german = PLAIN.replace(".", ";").replace(",", "\t").replace(";", ",")
    match kind:
        case "workbook":
            return workbook(path, [as_cells(line) for line in (HEADER, *ROWS)])
        case "workbook, second sheet":
            return workbook(path, [as_cells(line) for line in (HEADER, *ROWS)], first="Info")
        case "decimal comma":
            path.write_text(german.replace("\t", ";"))
        case "tabs":
            path.write_text(german)
        case "sep line":
            path.write_bytes(b"\xef\xbb\xbfsep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n").encode())
        case "sep line with commas":
            path.write_text("sep=,\n" + PLAIN)
        case "small header":
            path.write_text(PLAIN.replace(HEADER, HEADER.lower()))
        case "blanks in the header":
            path.write_text(PLAIN.replace(HEADER, HEADER.replace("_", " ").upper()))
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "workbook",
        "workbook, second sheet",
        "decimal comma",
        "tabs",
        "sep line",
        "sep line with commas",
        "small header",
        "blanks in the header",
    ],
)
def test_training_and_scoring_read_the_same_customers_from_every_form(kind: str, tmp_path: Path) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_text(PLAIN)
    expected = in_training(plain)
    path = written(tmp_path, kind)
    assert in_training(ingested(tmp_path, path)) == expected
    assert in_scoring(path) == [{name: row[name] for name in FEATURES} for row in expected]


def test_every_row_stays_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = ("sep=;", HEADER, "", ROWS[0], ROWS[1].replace("Artist", '"Art\nist"'), "", ROWS[0])
    path.write_text("".join(f"{row}\n" for row in rows).replace(",", ";"))
    lines = ingested(tmp_path, path).read_text().splitlines()
    assert [number for number, line in enumerate(lines, start=1) if line.startswith("4628")] == [4, 5, 8]


@pytest.mark.parametrize("text", ["22", "+22", "-1", "1e3", ".5", "5.", "+1.5E-3", "007", "1e-400", "0.1"])
def test_a_number_is_the_same_in_training_and_in_scoring(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(PLAIN.replace(",22,", f",{text},"))
    for other in ("22", "young"):  # a whole column of numbers, and one with a text among them
        path.write_text(PLAIN.replace(",22,", f",{text},").replace(",61,", f",{other},"))
        [batch] = read_batches(path)
        assert parse_numbers(batch["Age"])[0].as_py() == float(text)
    path.write_text(PLAIN.replace(",22,", f",{text},"))
    assert in_scoring(path)[0]["Age"] == float(text)


@pytest.mark.parametrize("text", ["1_000", "٢٢", "0x16", "1,5", "22 years", "--1", "1e", "1.234.567"])
def test_what_is_not_a_number_is_none_in_training_and_in_scoring(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(PLAIN.replace(",22,", f',"{text}",'))
    [batch] = read_batches(path)
    assert parse_numbers(batch["Age"])[0].as_py() is None
    with pytest.raises(Exception, match="not a number"):
        CustomersFile.of(path, {name: name in NUMERIC for name in FEATURES}).check()


def test_rows_without_a_feature_are_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(PLAIN + ",,,,,,,,,,\nTotal,,,,n/a,,,,,,2\n")
    put_right = PutRight()
    assert len(next(iter(read_columns(path, put_right).values()))) == 2
    assert (put_right.without_features, put_right.left_in_them) == (2, ["Total", "2"])
    assert len(in_scoring(path)) == 2


def test_columns_without_a_name_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("".join(f"{line},,\n" for line in (HEADER, *ROWS)))
    assert list(read_columns(path)) == list(COLUMNS)
    assert len(in_scoring(path)) == 2


def test_a_row_over_a_block_is_named_in_our_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(PLAIN + "1," + "x" * (20 << 20) + "\n" + ROWS[0] + "\n")
    with pytest.raises(DataError, match=r"a row of more than 8,388,608 bytes"):
        read_columns(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 not a workbook", "a zip archive or a damaged workbook"),
        (PLAIN.replace(",", ";").replace("Artist", "K\xfcnstler").encode("latin-1"), "byte 0xFC in line 3"),
        (PLAIN.replace(",", ";").replace(";High", "").encode(), "line 3: 10 values instead of 11"),
    ],
)
def test_what_cannot_be_put_right_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        ingested(tmp_path, path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_categories_are_read_in_the_spelling_of_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(PLAIN.replace("Male", "male").replace("Artist", " ARTIST\t").replace("High", "K\xfcnstler\xa0"))
    put_right = PutRight()
    rows = {name: column.to_pylist() for name, column in read_columns(path, put_right).items()}
    assert (rows["Gender"], rows["Profession"]) == (["Male", "Female"], ["Healthcare", "Artist"])
    assert rows["Spending_Score"] == ["Low", "K\xfcnstler\xa0"], "no other difference is bridged"
    assert put_right.respelled == {"Gender": {"male": 1}, "Profession": {" ARTIST\t": 1}}


@pytest.mark.parametrize("every", [1, 3, 7, 10_000])
def test_every_nth_row_is_read_whatever_the_batches_are(
    sample_csv: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    whole = read_columns(sample_csv)
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", 4096)
    found = read_columns(sample_csv, every=every)
    assert {name: column.to_pylist() for name, column in found.items()} == {
        name: column.to_pylist()[::every] for name, column in whole.items()
    }
