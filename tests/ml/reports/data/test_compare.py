"""Two data sets beside each other: TFDV's distances, the findings of the second one, and the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.config.settings import resolve
from ml.data.sample import write_csv
from ml.errors import DataError, SettingsError
from ml.pipeline.local_runner import retrain
from ml.reports.data.compare import compare_data
from ml.storage.files import read_json
from ml.storage.root import Root
from tests.ml.conftest import settings_for
from tests.ml.light_world import command

SETTINGS = resolve(environment={})
pytestmark = pytest.mark.usefixtures("libraries")


@pytest.fixture
def older(tmp_path: Path, sample_csv: Path) -> Path:
    """The sample, in which everybody is 20 years older, some work as pilots, and the file is a German one."""
    header, *lines = sample_csv.read_text().splitlines()
    age, profession = header.split(",").index("Age"), header.split(",").index("Profession")
    rows = [line.split(",") for line in lines]
    for number, row in enumerate(rows):
        row[age] = str(float(row[age]) + 20) if row[age] else ""
        row[profession] = "Pilot" if number % 20 == 0 else row[profession]
    path = tmp_path / "older.csv"
    path.write_text("\n".join([header, *map(",".join, rows)]).replace(",", ";") + "\n")
    return path


def test_two_equal_files_have_no_distance(root: Root, sample_csv: Path) -> None:
    compared = compare_data(root, SETTINGS, str(sample_csv), str(sample_csv))
    assert set(compared.distances.values()) == {0.0}
    assert (compared.drifted, compared.rows) == ([], (3000, 3000))
    assert compared.headline == f"None of {len(compared.distances)} compared columns drifted."
    assert compared.names == (f"file:{sample_csv.name} (first)", f"file:{sample_csv.name} (second)")


def test_what_drifted_and_what_the_schema_does_not_know_is_named_and_drawn(
    root: Root, sample_csv: Path, older: Path
) -> None:
    compared = compare_data(root, SETTINGS, str(sample_csv), str(older))
    assert compared.drifted[0] == "Age"
    assert {"Age", "Profession"} <= set(compared.drifted)
    assert "Gender" not in compared.drifted
    (unknown,) = [one for one in compared.findings if one["feature"] == "Profession"]
    assert (unknown["blocks"], unknown["rows"], unknown["examples"]) == (True, 150, ["'Pilot'"])
    page = compared.page.read_text()
    assert compared.page.parent == root.reports / "data"
    assert f"{compared.headline}</h1>" in page
    assert "Drifted: distance" in page
    assert page.count("<svg") == 9, "eight features and the label"
    assert "made of about" not in page
    assert "for files of about 8,068 customers" in page


def test_the_distances_are_those_of_validation_beside_a_champion(
    promoted_root: Root, customers_csv: Path, older: Path
) -> None:
    changed = settings_for(older, "validate.blocks_above.ENUM_TYPE_UNEXPECTED_STRING_VALUES=1.0")
    retrain(promoted_root, changed, run_id="older", force=False)
    validated = read_json(promoted_root.run("older") / "validate" / "validation.json")["drift"]
    assert compare_data(promoted_root, changed, str(customers_csv), str(older)).distances == validated


def test_a_column_that_only_one_of_them_has_is_no_fault_of_the_other(
    root: Root, sample_csv: Path, tmp_path: Path
) -> None:
    rows = [line.split(",") for line in sample_csv.read_text().splitlines()]
    place = rows[0].index("Gender")
    (tmp_path / "less.csv").write_text("".join(",".join(row[:place] + row[place + 1 :]) + "\n" for row in rows))
    compared = compare_data(root, SETTINGS, str(tmp_path / "less.csv"), str(sample_csv))
    assert "Gender" not in compared.distances
    assert not [one for one in compared.findings if one["feature"] == "Gender"]


def test_a_file_that_is_no_table_is_named_and_nothing_is_written(root: Root, sample_csv: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("no,customers\n1,2\n")
    with pytest.raises(DataError, match=r"bad\.csv"):
        compare_data(root, SETTINGS, str(sample_csv), str(bad))
    with pytest.raises(SettingsError, match=r"^'.*missing\.csv': no such file"):
        compare_data(root, SETTINGS, str(tmp_path / "missing.csv"), str(sample_csv))
    assert not (root.reports / "data").exists()


def test_the_command_answers_in_words_and_in_json(root: Root, tmp_path: Path, older: Path) -> None:
    root.inbox.mkdir(parents=True)
    write_csv(root.inbox / "may.csv", rows=3000, seed=8)
    code, text = command(root, "data", "compare", "inbox:may.csv", str(older))
    assert code == 0
    lines = text.splitlines()
    assert lines[0].endswith(" compared columns drifted: Age, Profession.")
    assert lines[1] == "file:older.csv (3,000 rows), compared with inbox:may.csv (3,000 rows)."
    assert lines[2].startswith("The thresholds are for files of about 8,068 customers")
    assert any(line.startswith("  Age             distance ") and line.endswith(", DRIFTED") for line in lines)
    assert any(line.startswith("  blocks          Profession: ") and line.endswith("(150 rows)") for line in lines)
    code, text = command(root, "data", "compare", "inbox:may.csv", str(older), "--json")
    answer = json.loads(text)
    assert (code, answer["drifted"], answer["one"]["name"]) == (0, ["Age", "Profession"], "inbox:may.csv")
    assert Path(answer["page"]).is_file()
