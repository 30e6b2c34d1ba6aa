"""What a blocked run proposes: the least that lets its data through, by TFDV itself, or a reason why there is none."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.artifacts import Accepted, Dataset
from ml.config.settings import resolve
from ml.data.sample import write_csv
from ml.data.schema import PROPOSED, PROPOSED_DIFF, Schema, seed_schema
from ml.data.schema_text import unified_diff
from ml.errors import BlockedError
from ml.validation.validate import validate
from tests.ml.validation.damaged_data import Row, drop, let_profession_tell, put

pytestmark = pytest.mark.usefixtures("libraries")
Edit = Callable[[int, Row], None]
SEED = seed_schema()
NEW_PROFESSION = ('"Marketing"\n', '"Marketing" value: "Pirate"\n')


def both(*edits: Edit) -> Edit:
    def edit(number: int, row: Row) -> None:
        for one in edits:
            one(number, row)

    return edit


def validated(folder: Path, edit: Edit, schema: Schema = SEED) -> Accepted:
    place, out = folder / "ingest", folder / "validate"
    for directory in (place, out):
        directory.mkdir(parents=True, exist_ok=True)
    dataset = Dataset(path=place, sha256="", rows=0, source="test")
    write_csv(dataset.csv, rows=3000, seed=3)
    with dataset.csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        edit(number, row)
    with dataset.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    settings = resolve(environment={})
    return validate(
        dataset,
        schema=schema,
        settings=settings.validate,
        target=settings.target,
        champion_statistics=None,
        out=out,
        run_id="r",
    )


def spread(count: int, **values: str) -> Edit:
    """Write these values into `count` rows that come one after the other, from the end."""
    return lambda number, row: row.update(values) if number >= 3000 - count else None


@pytest.mark.parametrize(
    ("edit", "changes"),
    [
        (put(150, Profession="Pirate"), [NEW_PROFESSION]),
        (both(put(150, Profession="Pirate"), spread(20, Profession="Pirte")), [NEW_PROFESSION]),
        (both(put(150, Profession="Pirate"), spread(60, Profession="pirate")), [NEW_PROFESSION]),
        (put(150, Gender='"x" \\ é'), [('"Male" }', '"Male" value: "\\"x\\" \\\\ é" }')]),
        (put(2, Age="120.5"), [("max: 120 ", "max: 121 ")]),
        (put(2, Family_Size="0"), [("min: 1 ", "min: 0 ")]),
        (put(1800, Work_Experience=""), [("min_fraction: 0.8 ", None)]),
        (both(put(2, Age="121"), put(150, Profession="Pirate")), [("max: 120 ", "max: 121 "), NEW_PROFESSION]),
    ],
)  # fmt: skip
def test_the_least_that_lets_the_data_through(
    tmp_path: Path, edit: Edit, changes: list[tuple[str, str | None]]
) -> None:
    with pytest.raises(BlockedError, match=r"python -m ml schema diff r.* schema accept r --reason") as blocked:
        validated(tmp_path, edit)
    text = (tmp_path / PROPOSED).read_text()
    expected = SEED.text
    for old, new in changes:
        at = text.find("min_fraction: 0.3") if new is None else 0
        assert at >= 0
        expected = expected.replace(old, text[at : at + 19] if new is None else new)
    assert text == expected, "nothing else is changed, no comment is lost"
    assert blocked.value.proposal == {"schema_sha256": Schema(text).sha256, "previous_sha256": SEED.sha256}
    names = {"old_name": "schema.pbtxt (of the run)", "new_name": "schema.pbtxt (proposed by r)"}
    assert (tmp_path / PROPOSED_DIFF).read_text() == unified_diff(SEED.text, text, **names)
    assert validated(tmp_path / "again", edit, Schema(text)).rows == 3000


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (drop("Age"), ""),
        (put(3, Age="young"), ""),
        (put(3000, Segmentation="D"), ""),
        (put(1, Segmentation="E"), ""),
        (put(1, Segmentation=""), ""),
        (put(2, ID="500100"), ""),
        (put(3000, Gender=""), ""),
        (let_profession_tell, ""),
        (both(put(150, Profession="Pirate"), put(2, ID="500100")), "it would not cure ID (identifiers used more than"),
        (both(put(2, Age="130"), put(3, Work_Experience="long")), "it would not cure Work_Experience (text where"),
        (put(2, Age="-5"), "Age has numbers below 0, which the model takes for missing"),
        (lambda number, row: row.update(Profession=f"Job {number}"), "Profession would need more than 20 new values"),
        (
            lambda number, row: row.update(Profession=f"Works for {row['Segmentation']}"),
            "it would not cure Profession (tells",
        ),
    ],
)  # fmt: skip
def test_what_no_wider_schema_cures_is_not_proposed_and_the_error_says_why(
    tmp_path: Path, edit: Edit, why: str
) -> None:
    with pytest.raises(BlockedError) as blocked:
        validated(tmp_path, edit)
    assert (blocked.value.proposal, (tmp_path / PROPOSED).exists()) == ({}, False)
    assert "schema accept --file" in blocked.value.cure
    told = [one for one in blocked.value.findings if one.startswith("No wider schema is proposed: ")]
    assert len(told) == bool(why), blocked.value.findings
    assert why in " ".join(told)


def test_a_schema_in_a_form_that_is_not_edited_is_written_anew(tmp_path: Path) -> None:
    listed = SEED.text.replace('value: "Female" value: "Male"', 'value: ["Female", "Male"]')
    with pytest.raises(BlockedError, match="schema accept r"):
        validated(tmp_path, put(150, Gender="Diverse"), Schema(listed))
    proposed = Schema((tmp_path / PROPOSED).read_text())
    assert list(proposed.message.feature[1].string_domain.value) == ["Female", "Male", "Diverse"]
    assert validated(tmp_path / "again", put(150, Gender="Diverse"), proposed).rows == 3000
