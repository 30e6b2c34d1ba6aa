"""Lots on the page: who is drawn, who is left alone, and what the numbers, the rows and the file say of both."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from serving.expectation.control_group import smallest_uplift
from tests.serving.gateway.page.release import LINE
from tests.serving.gateway.page.test_numbers import rows_of
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.score.scoring import many

CHOICE = {"by": "number", "number": "200", "explore": "10", "control": "5"}


@pytest.fixture
def found(visitor: Visitor, tmp_path: Path) -> str:
    return visitor.list_of(many(tmp_path / "in.csv", 600).read_bytes())


def downloaded(visitor: Visitor, found: str, **choice: str) -> list[dict[str, str]]:
    header, *rows = rows_of(visitor.download(found, **choice))
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_numbers_rows_and_file_are_of_one_list(found: str, visitor: Visitor) -> None:
    told, rows = visitor.prospect(found, **CHOICE), downloaded(visitor, found, **CHOICE)
    count = told["count"]
    assert len(rows) == count
    explored = [row for row in rows if float(row["propensity"]) < 0.9]
    asked = [row for row in rows if row["group"] != "control"]
    assert (told["explored"], told["control"]) == (len(explored), count - len(asked))
    assert told["explored"] in (count // 10, count // 10 + 1)
    assert told["control"] in (count // 20, count // 20 + 1)
    expected = LINE.expect(np.array([float(row["probability"]) for row in asked], np.float32))
    assert told["contacts"] == len(asked)
    assert told["expected"]["targets"] == pytest.approx(expected.share * len(asked), abs=0.51)
    assert told["money"]["cost"] == f"{30 * len(asked):,} EUR"
    asked_for = [f"/page/lists/{found}/rows?{urlencode({**CHOICE, 'first': n})}" for n in range(1, count + 1, 25)]
    shown = [row for path in asked_for for row in visitor.json("GET", path)["rows"]]
    assert [(row["cells"][0], row["group"]) for row in shown] == [(row["ID"], row["group"]) for row in rows]
    assert [row["rank"] for row in shown] == [*range(1, count + 1)]
    assert {row["group"] for row in shown} == {"", "explored", "control"}
    assert all(row["reasons"] for row in shown)
    assert [row["reasons"][0] for row in shown] == [row["reasons_for"] for row in rows]


def test_the_same_choice_is_the_same_list_and_without_lots_it_is_the_best(found: str, visitor: Visitor) -> None:
    assert visitor.download(found, **CHOICE) == visitor.download(found, **CHOICE)
    rows = downloaded(visitor, found, by="number", number="200")
    assert {(row["group"], row["propensity"]) for row in rows} == {("", "1.000000")}
    told = visitor.prospect(found, by="number", number="200")
    assert (told["explored"], told["control"], told["contacts"]) == (0, 0, told["count"])


def test_what_the_control_group_can_show_is_told_before_anybody_downloads(found: str, visitor: Visitor) -> None:
    power = visitor.prospect(found, **CHOICE | {"control": "50", "explore": "0"})["power"]
    rows = downloaded(visitor, found, **CHOICE | {"control": "50", "explore": "0"})
    share = LINE.expect(np.array([float(row["probability"]) for row in rows], np.float32)).share
    assert (power["is_chosen"], power["alone"] + power["others"], power["share"]) == (True, len(rows), "50 %")
    assert power["uplift"] == f"{100 * smallest_uplift(power['others'], power['alone'], share):.0f}"
    few = visitor.prospect(found, by="number", number="20")["power"]
    assert (few["is_chosen"], few["share"], few["uplift"]) == (False, "5 %", None)


def test_of_a_kept_list_its_record_is_written_with_the_download(found: str, visitor: Visitor, root: Path) -> None:
    visitor.json("POST", f"/page/lists/{found}/keep")
    rows = downloaded(visitor, found, **CHOICE)
    names = {path.name for path in (root / "lists" / found).glob("*.parquet")}
    assert names == {f"{rows[0]['request_id']}.parquet"}
    visitor.ask("DELETE", f"/page/lists/{found}")


@pytest.mark.parametrize(
    ("field", "text"), [("explore", "51"), ("control", "-1"), ("control", "x"), ("explore", "nan")]
)
def test_a_share_has_its_range(field: str, text: str, found: str, visitor: Visitor) -> None:
    status, said = visitor.refused(f"/page/lists/{found}/prospect?by=share&share=20&{field}={text}")
    assert (status, said) == (400, f"{text!r} is not a share from 0 to 50 %.")
