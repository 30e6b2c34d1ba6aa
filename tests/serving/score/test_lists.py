"""Lists of the command that know who was asked: places by lot, a control group, and what is expected of both."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.score.columns.extra_columns import UNLIKE
from serving.score.lists.list_columns import COLUMNS
from serving.score.output_files import SCORE_COLUMNS
from tests.serving.client.stand_in import stand_in
from tests.serving.score.scoring import HEADER, read_csv, score, write
from tests.serving.score.test_money import answer
from tests.serving.score.test_values import known

ROWS = 200


@pytest.fixture
def url() -> Iterator[str]:
    with stand_in(answer) as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Customers of whom each is a little less likely than the one before; row n is on line n + 3, below a blank one."""
    rows = (f"c{n},Male,No,{80 - 0.3 * n:.1f},No,Healthcare,1,Low,4" for n in range(ROWS))
    path = write(tmp_path / "in.csv", "", *rows)
    known(tmp_path / "evaluation.json")
    return path


def listed(file: Path, *arguments: str, url: str) -> tuple[list[dict[str, str]], str, str]:
    """The rows of the list, the summary and the notes."""
    out, evaluation = file.with_name("out.csv"), file.with_name("evaluation.json")
    code, said, noted = score(file, "--out", str(out), "--evaluation", str(evaluation), *arguments, url=url)
    assert code == 0, noted
    with out.open(newline="") as written:
        return [*csv.DictReader(written)], said, noted


def number(row: dict[str, str]) -> int:
    return int(row["ID"][1:])


def test_a_list_says_whom_lots_put_on_it_and_whom_they_leave_alone(file: Path, url: str) -> None:
    rows, said, _ = listed(file, "--top", "100", "--explore", "10%", "--control", "20%", url=url)
    assert [int(row["rank"]) for row in rows] == [*range(1, 101)]
    assert [number(row) for row in rows[:90]] == [*range(90)]
    by_lot = [number(row) for row in rows[90:]]
    assert by_lot == sorted({*by_lot})
    assert min(by_lot) >= 90
    assert {row["group"] for row in rows[90:]} <= {"explored", "control"}
    assert {row["group"] for row in rows[:90]} == {"", "control"}
    assert sum(row["group"] == "control" for row in rows) == 20
    assert {float(row["propensity"]) for row in rows[:90]} == {0.8}
    assert [float(row["propensity"]) for row in rows[90:]] == pytest.approx([0.8 * 10 / 110] * 10, rel=1e-5)
    assert [int(row["row"]) for row in rows] == [number(row) + 3 for row in rows]
    assert {row["version"] for row in rows} == {"1"}
    asked = [float(row["probability"]) for row in rows if row["group"] != "control"]
    expected = sum(asked)
    assert f"The most likely are the 100 in {file.with_name('out.csv')}, best first: 50 % of all." in said
    assert "90 of them have a probability of at least 0.53; 10 were drawn by lot from all others" in said
    assert "Leave 20 alone, drawn by lot and marked control, and contact the other 80" in said
    assert (
        f"Expect about {expected:.0f} of the 80 who are contacted to be D ({100 * expected / 80:.0f} %, likely" in said
    )
    assert "Without a model, expect 50 % of any 80 customers of this file." in said
    assert float(rows[-1]["expected_precision"]) == pytest.approx(expected / 80, abs=6e-4)


def test_the_same_list_twice_is_one_list_and_another_choice_has_another_name(file: Path, url: str) -> None:
    def named(*arguments: str) -> str:
        rows, _, _ = listed(file, *arguments, url=url)
        (name,) = {row["request_id"] for row in rows}
        return name

    chosen = ("--explore", "10%", "--control", "5%")
    first = named("--top", "100", *chosen)
    content = file.with_name("out.csv").read_bytes()
    assert named("--top", "50%", *chosen) == first, "it is the same list"
    assert file.with_name("out.csv").read_bytes() == content
    others = {named("--top", "101", *chosen), named("--top", "100"), named("--top", "100", "--explore", "10%"), first}
    write(file, *file.read_text().splitlines()[1:], "c200,Male,No,1,No,Healthcare,1,Low,4")
    assert len({*others, named("--top", "100", *chosen)}) == 5


def test_what_lots_cost_is_told_and_nobody_who_is_left_alone_costs_anything(file: Path, url: str) -> None:
    money = ("--value", "80", "--cost", "40")
    plain, said, _ = listed(file, *money, url=url)
    assert len(plain) == 100
    assert "by lot" not in said
    rows, said, _ = listed(file, *money, "--explore", "10%", "--control", "20%", url=url)
    assert len(rows) == 100
    asked = [row for row in rows if row["group"] != "control"]
    by_lot = [row for row in asked if row["group"] == "explored"]
    back = 80 * sum(float(row["probability"]) for row in asked)
    lots = 80 * sum(float(row["probability"]) for row in by_lot)
    assert f"Contacting the 80 costs 3,200; expect {back:,.0f} back" in said
    assert f"Of that, {40 * len(by_lot):,} go to the {len(by_lot)} drawn by lot; expect {lots:,.0f}" in said
    rows, said, _ = listed(file, *money, "--budget", "2000", "--explore", "10%", url=url)
    assert len(rows) == 50, "the budget holds"
    assert "Contacting the 50 costs 2,000" in said


def test_where_everybody_is_listed_there_is_nobody_to_explore_and_that_is_said(file: Path, url: str) -> None:
    rows, _, noted = listed(file, "--explore", "2%", url=url)
    assert [*rows[0]][-3:] == [*SCORE_COLUMNS, UNLIKE], "this is no list"
    assert "everybody is listed: there is nobody outside a cut to explore." in noted
    rows, said, _ = listed(file, "--top", "100%", "--explore", "2%", url=url)
    assert {(row["propensity"], row["group"]) for row in rows} == {("1.000000", "")}
    assert "Everybody is listed: there is nobody outside a cut to explore." in said
    rows, said, _ = listed(file, "--top", "1", "--explore", "2%", "--control", "1%", url=url)
    assert "2 % of 1 customer is less than one, and by lot nobody outside the cut was drawn." in said
    assert "1 % of 1 customer is less than one, and by lot nobody is left alone." in said


def test_a_part_of_all_customers_may_be_left_alone(file: Path, url: str) -> None:
    write(file, *file.read_text().splitlines()[1:], ",,,,,,,,")
    rows, said, _ = listed(file, "--control", "10%", url=url)
    assert [row["ID"] for row in rows] == [*(f"c{n}" for n in range(ROWS)), ""]
    assert [*rows[0]][-8:] == [*SCORE_COLUMNS, UNLIKE, *COLUMNS]
    assert sum(row["group"] == "control" for row in rows) == 20
    assert {row["propensity"] for row in rows[:-1]} == {"0.900000"}
    assert {rows[-1][name] for name in COLUMNS} == {""}, "this is no customer"
    assert "Leave 20 alone, drawn by lot and marked control, and contact the other 180" in said
    ranked, _, _ = listed(file, "--top", "100%", "--control", "10%", url=url)
    assert {row["ID"] for row in ranked if row["group"]} == {row["ID"] for row in rows if row["group"]}
    assert ranked[0]["request_id"] == rows[0]["request_id"], "it is the same list in another order"


@pytest.mark.parametrize("option", ["--explore", "--control"])
@pytest.mark.parametrize("share", ["2", "0.02", "51%", "-1%", "nan%", "x%", ""])
def test_a_share_has_its_range(
    option: str, share: str, file: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        score(file, "--out", str(file.with_name("out.csv")), f"{option}={share}", url=url)
    assert f"{option}: {share!r} is not a share like 2%, from 0% to 50%" in capsys.readouterr().err


def test_a_column_of_the_file_with_a_name_of_the_list_is_named(file: Path, url: str) -> None:
    text = file.read_text().replace(HEADER, HEADER.replace("ID", "group"))
    file.write_text(text)
    out = file.with_name("out.csv")
    code, _, wrong = score(file, "--out", str(out), "--top", "10", url=url)
    assert (code, "already has a column 'group'. Rename it" in wrong) == (2, True)
    assert score(file, "--out", str(out), url=url)[0] == 0, "without a list there is no such column"
    assert read_csv(out)[0] == [*HEADER.replace("ID", "group").split(","), *SCORE_COLUMNS]
