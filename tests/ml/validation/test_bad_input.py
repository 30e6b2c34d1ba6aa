"""Bad input: a clear error that names the thing, the fact and the cure; nothing promoted, nothing half-written."""

from __future__ import annotations

import bz2
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.artifacts import Accepted
from ml.data.features import COLUMNS
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.root import PROJECT, Root
from tests.ml.conftest import settings_for

pytestmark = pytest.mark.usefixtures("libraries")
Edit = Callable[[int, dict[str, str]], None]


def edited(csv: Path, edit: Edit, out: Path) -> Path:
    """A copy of the data with every row passed through `edit`."""
    lines = csv.read_text().splitlines()
    rows = [dict(zip(COLUMNS, line.split(","), strict=True)) for line in lines[1:]]
    for number, row in enumerate(rows):
        edit(number, row)
    out.write_text("\n".join([lines[0], *(",".join(row.values()) for row in rows)]) + "\n")
    return out


def tried(root: Root, data: Path, *overrides: str) -> RetrainResult:
    outcome = retrain(root, settings_for(data, "promote.enabled=false", *overrides), run_id="bad", force=False)
    assert not root.ledger.exists() or outcome.outcome == "withheld"
    assert not (root.models / "customer-model").exists()
    assert not list(root.run("bad").glob(".*.making/artifact.json"))
    return outcome


def blocked(root: Root, data: Path, *overrides: str) -> str:
    """The reasons of a run that must be blocked, as one text."""
    outcome = tried(root, data, *overrides)
    assert (outcome.outcome, outcome.exit_code) == ("blocked", 2), outcome
    assert "transform" not in outcome.seconds, "something ran on data that were blocked"
    return " ".join(outcome.reasons)


def set_values(**values: str) -> Edit:
    return lambda _, row: row.update(values)


def first(count: int, **values: str) -> Edit:
    return lambda number, row: row.update(values) if number < count else None


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (first(150, Profession="Pirate"), r"Column 'Profession': .*not know in 150 rows \(5\.00%\), e\.g\. 'Pirate'"),
        (first(3, Age="young"), r"Column 'Age': text where a number belongs in 3 rows \(0\.10%\), e\.g\. 'young'"),
        (first(2, Age="-5"), r"Column 'Age': values below 0 in 2 rows \(0\.07%\), e\.g\. -5"),
        (first(1, Age="999"), r"Column 'Age': values above 120 in 1 row \(0\.03%\), e\.g\. 999"),
        (first(1800, Work_Experience=""), r"Column 'Work_Experience': missing more often than the allowed 20%"),
        (first(3000, Segmentation="A"), "Column 'Segmentation': no customer is in D"),
        (first(3000, Segmentation="D"), "Column 'Segmentation': every customer is in D"),
        (first(1, Segmentation="E"), r"Column 'Segmentation': .*not know in 1 row \(0\.03%\), e\.g\. 'E'"),
        (first(1, Segmentation=""), "Column 'Segmentation': missing more often than the allowed 0% in 1 row"),
        (first(2, ID="500100"), r"Column 'ID': identifiers used more than once in 3 rows \(0\.10%\), e\.g\. 500100"),
        (set_values(Gender=""), "Column 'Gender': no value at all"),
        (first(2, Age="inf"), r"Column 'Age': .* in 2 rows \(0\.07%\), e\.g\. inf"),
    ],
)
def test_bad_values_block_and_are_counted(
    root: Root, sample_csv: Path, tmp_path: Path, edit: Edit, message: str
) -> None:
    import re

    found = blocked(root, edited(sample_csv, edit, tmp_path / "bad.csv"))
    assert re.search(message, found), found
    assert "schema.pbtxt" in found, "no cure"
    column = message.split("'")[1]
    named = re.search(rf"In bad\.csv, see {column} in lines? (\d+)", found)
    assert (named is None) is ("no customer" in message or "every customer" in message), found
    assert named is None or named[1] == "2" or column == "Work_Experience", found


def test_every_finding_is_reported_at_once_with_at_most_ten_examples(
    root: Root, sample_csv: Path, tmp_path: Path
) -> None:
    def edit(number: int, row: dict[str, str]) -> None:
        row["Age"] = "200" if number == 0 else row["Age"]
        row["Profession"] = f"Job {number}" if number < 60 else row["Profession"]

    found = blocked(root, edited(sample_csv, edit, tmp_path / "bad.csv"))
    assert "values above 120" in found
    assert found.count("'Job ") == 10
    report = json.loads((root.run("bad") / "validation.json").read_text())
    assert {finding["feature"] for finding in report["findings"] if finding["blocks"]} == {"Age", "Profession"}


def test_one_unseen_category_warns_and_the_run_goes_on(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    data = edited(sample_csv, first(1, Profession="Pirate"), tmp_path / "odd.csv")
    outcome = tried(root, data)
    assert outcome.outcome == "withheld", outcome.reasons
    accepted = json.loads((root.run("bad") / "validate" / "artifact.json").read_text())
    assert accepted["warnings"] == [
        "Column 'Profession': values that the schema does not know in 1 row (0.03%), e.g. 'Pirate'."
    ]


def test_an_extra_column_warns_and_the_run_goes_on(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra.csv"
    extra.write_text("\n".join(f"{line},x" for line in sample_csv.read_text().splitlines()) + "\n")
    outcome = tried(root, extra)
    assert outcome.outcome == "withheld", outcome.reasons
    accepted = json.loads((root.run("bad") / "validate" / "artifact.json").read_text())
    assert "a column that the schema does not know; it is ignored" in accepted["warnings"][0]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    windows = tmp_path / "windows.csv"
    windows.write_bytes(b"\xef\xbb\xbf" + sample_csv.read_bytes().replace(b"\n", b"\r\n"))
    outcome = tried(root, windows)
    assert outcome.outcome == "withheld", outcome.reasons
    accepted = json.loads((root.run("bad") / "validate" / "artifact.json").read_text())
    assert (accepted["rows"], accepted["warnings"]) == (3000, [])


def test_a_missing_column_is_named(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(sample_csv.read_text().replace("Profession", "Job", 1))
    found = blocked(root, bad)
    assert "Column 'Profession': the column is missing" in found


def test_twenty_rows_are_too_few(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(sample_csv.read_text().splitlines()[:21]) + "\n")
    assert "The data set: 20 rows, and at least 1,000 are needed" in blocked(root, bad)


def test_broken_rows_are_counted_and_shown(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    lines = sample_csv.read_text().splitlines()
    lines[7] += ",surplus"
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(lines) + "\n")
    assert "bad.csv: 1 broken rows: line 8: 12 fields instead of 11" in blocked(root, bad)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty", lambda text: b"", "empty"),
        ("header only", lambda text: text.splitlines()[0].encode() + b"\n", "no rows|header|0 rows"),
        ("zip", lambda text: b"PK\x03\x04" + text.encode(), "a zip archive or a damaged workbook"),
        ("UTF-16", lambda text: text.encode("utf-16"), "UTF-16"),
        ("bzip2", lambda text: bz2.compress(text.encode()), "bzip2"),
        ("HTML", lambda text: b"<!doctype html><html><body>Sign in</body></html>", "web page"),
    ],
)
def test_files_that_are_not_a_csv_are_named(
    root: Root, sample_csv: Path, tmp_path: Path, name: str, content: Callable[[str], bytes], message: str
) -> None:
    import re

    bad = tmp_path / "bad.csv"
    bad.write_bytes(content(sample_csv.read_text()))
    found = blocked(root, bad)
    assert re.search(message, found), (name, found)
    assert not root.run("bad").joinpath("ingest").exists()


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "\n \n" + text,
        lambda text: text.replace(",Healthcare,", ", ,").replace(",Yes,", ", NA ,", 20),
        lambda text: "\n".join(
            line if number == 0 else f"{9007199254740993 + number}{line[line.index(',') :]}"
            for number, line in enumerate(text.splitlines())
        ),
    ],
    ids=["blank lines before the header", "white space where nothing is", "identifiers of 16 digits"],
)
def test_what_is_only_unusual_is_read(root: Root, sample_csv: Path, tmp_path: Path, edit: Callable[[str], str]) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text(edit(sample_csv.read_text()))
    settings = settings_for(odd, "validate.blocks_above.FEATURE_TYPE_LOW_FRACTION_PRESENT=1.0")
    run = Run(root, "odd", settings)
    run_step("ingest", run)
    run_step("validate", run)
    assert run.artifact("validate", Accepted).rows == 3000


def test_a_value_of_absurd_length_is_named(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    long = edited(sample_csv, first(1, Profession="x" * 300), tmp_path / "long.csv")
    assert "column 'Profession' has a value of 300 bytes; 256 is the limit" in blocked(root, long)


def test_a_target_that_is_not_a_column_blocks(root: Root, sample_csv: Path) -> None:
    assert "Column 'Foo': the column is missing" in blocked(root, sample_csv, "target.column='Foo'")


def test_a_kind_of_anomaly_that_does_not_exist_is_named(root: Root, sample_csv: Path) -> None:
    outcome = tried(root, sample_csv, "validate.blocks_above.TPYO=1.0")
    assert (outcome.outcome, outcome.exit_code) == ("failed", 2)
    assert "validate.blocks_above.TPYO: unknown kind" in outcome.reasons[0]


def test_a_run_id_that_leaves_the_root_is_refused(root: Root) -> None:
    for bad in ("../../etc", "a/b", ".hidden", "", "a..b"):
        done = subprocess.run(
            [sys.executable, "-m", "ml", "judge", "--run", bad, "--root", str(root.path)],
            cwd=PROJECT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 2
        assert "cannot become a directory" in done.stderr


def test_a_data_path_from_the_ui_stays_in_the_inbox(root: Root, sample_csv: Path) -> None:
    root.inbox.mkdir()
    (root.inbox / "link.csv").symlink_to(sample_csv)
    for name in ("../ledger.jsonl", "link.csv", "none.csv"):
        outcome = tried(root, Path(f"inbox:{name}"))
        assert (outcome.outcome, outcome.exit_code) == ("failed", 2)
        assert "no such file in" in outcome.reasons[0]
