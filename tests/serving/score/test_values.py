"""What scoring says of the values in a file: unknown, out of range, missing, respelled; what it leaves out; ties."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from serving.expectation.known_inputs import KnownInput
from tests.serving.client.stand_in import Answer, Request, stand_in
from tests.serving.score.scoring import HEADER, NAMES, NUMBERS, read_csv, score, write
from tests.serving.score.test_trouble import Pretended

CATEGORIES = {
    "Gender": ["Female", "Male"],
    "Ever_Married": ["No", "Yes"],
    "Graduated": ["No", "Yes"],
    "Profession": ["Artist", "Healthcare"],
    "Spending_Score": ["Average", "High", "Low"],
}
NUMBER = KnownInput(None, [500] * 10, [float(edge) for edge in range(0, 110, 10)], 0.0, 120.0, True, None, 8068)
INPUTS: Mapping[str, KnownInput] = dict.fromkeys(NUMBERS, NUMBER) | {
    name: KnownInput(values, [100] * len(values), [], None, None, name != "Gender", None, 8068)
    for name, values in CATEGORIES.items()
}
GOOD = "1,Male,No,22,No,Healthcare,1,Low,4"


class Remembering(Pretended):
    """Remembers the rows that it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []

    def answer(self, asks: Request) -> Answer:
        if asks.body is not None:
            self.rows += asks.body["instances"]
        return super().answer(asks)


@pytest.fixture
def server() -> Iterator[tuple[str, Remembering]]:
    pretended = Remembering()
    with stand_in(pretended.answer) as url:
        yield url, pretended


def known(path: Path, inputs: Mapping[str, KnownInput] = INPUTS) -> Path:
    """The evaluation of a version that knows these inputs."""
    line = {"intercept": 0.0, "slope": 1.0, "covariance": [[0.0, 0.0], [0.0, 0.0]], "rows": 1000}
    content = {"rows": 1000, "target": "D", "calibration": line}
    path.write_text(json.dumps(content | {"inputs": {name: found.as_dict() for name, found in inputs.items()}}))
    return path


def test_odd_values_are_counted_by_column_and_said_in_a_line_each(
    server: tuple[str, Remembering], tmp_path: Path
) -> None:
    file = write(
        tmp_path / "in.csv",
        GOOD,
        "2, male ,No,999,YES,Künstler,1,Low,4",
        "3,MALE,,-5,no,\xa0Artist,,low,4",
        "4,Diverse,No,30,No,Artist,,Low,4",
    )
    arguments = ("--out", str(tmp_path / "out.csv"), "--evaluation", str(known(tmp_path / "e.json")))
    code, _, warned = score(file, *arguments, url=server[0])
    assert code == 0
    said = [line.removeprefix(f"{file}: ") for line in warned.splitlines() if line.startswith(str(file))]
    assert said == [
        "Gender: 1 value that the model does not know, e.g. 'Diverse'; to the model they are missing.",
        "Age: 2 values outside 0 to 120, e.g. 999, -5; below 0 counts as missing, above as the largest that training "
        "saw.",
        "Profession: 2 values that the model does not know, e.g. 'Künstler', '\\xa0Artist'; to the model they are "
        "missing.",
        "Gender: 2 values taken without regard to letter case and blanks, ' male ' as Male, 'MALE' as Male.",
        "Ever_Married: missing in 1 row (25.0 %).",
        "Graduated: 2 values taken without regard to letter case and blanks, 'YES' as Yes, 'no' as No.",
        "Work_Experience: missing in 2 rows (50.0 %).",
        "Spending_Score: 1 value taken without regard to letter case and blanks, 'low' as Low.",
    ]
    assert [row["Gender"] for row in server[1].rows] == ["Male", "Male", "Male", "Diverse"]
    assert [row["Graduated"] for row in server[1].rows] == ["No", "Yes", "No", "No"]
    assert read_csv(tmp_path / "out.csv")[2][1] == " male ", "the file's own spelling stays"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2,Diverse,No,22,No,Artist,1,Low,4", "Gender: 1 value that the model does not know"),
        ("2,Male,No,999,No,Artist,1,Low,4", "Age: 1 value outside 0 to 120"),
        ("2,,No,22,No,Artist,1,Low,4", "Gender: missing in 1 row, and in training it never was"),
        ("Total,,,,,,,,", "line 3: no value for any input of the model; not a customer, and left out"),
        ("2,male,,22,,Artist,,Low,", ""),
    ],
)
def test_strict_refuses_what_the_model_does_not_know(
    row: str, said: str, server: tuple[str, Remembering], tmp_path: Path
) -> None:
    file, out = write(tmp_path / "in.csv", GOOD, row), tmp_path / "out.csv"
    arguments = ("--out", str(out), "--evaluation", str(known(tmp_path / "e.json")), "--strict")
    code, _, warned = score(file, *arguments, url=server[0])
    assert (code, out.exists(), server[1].rows == []) == ((2, False, True) if said else (0, True, False))
    assert said in warned.splitlines()[-1]


def test_strict_refuses_when_it_cannot_know(server: tuple[str, Remembering], tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", GOOD)
    evaluation = known(tmp_path / "e.json", {})
    code, _, warned = score(
        file, "--out", str(tmp_path / "o.csv"), "--evaluation", str(evaluation), "--strict", url=server[0]
    )
    assert (code, "what version 1 knows is not known" in warned) == (2, True)


ROWS = [
    "",
    "Total,,,,,,,,",
    "1,Male,No,22,No,Artist,1,Low,4",
    ",,,,,,,,",
    "2,Male,No,80,No,Artist,1,Low,4",
    "x,NA,,n/a,,,,,",
]


def test_rows_without_a_feature_stay_in_the_file_unscored(server: tuple[str, Remembering], tmp_path: Path) -> None:
    file, out = write(tmp_path / "in.csv", *ROWS), tmp_path / "out.csv"
    code, said, warned = score(file, "--out", str(out), url=server[0])
    assert code == 0
    assert said.startswith("Scored 2 customers")
    assert "lines 3, 5, 7: no value for any input of the model; not a customer, and left out" in warned
    assert [row[-2:] for row in read_csv(out)[1:]] == [
        ["", ""],
        ["0.220000", "1"],
        ["", ""],
        ["0.800000", "1"],
        ["", ""],
    ]
    assert len(server[1].rows) == 2


def test_rows_without_a_feature_are_not_counted_in_top(server: tuple[str, Remembering], tmp_path: Path) -> None:
    file, out = write(tmp_path / "in.csv", *ROWS), tmp_path / "out.csv"
    assert score(file, "--out", str(out), "--top", "100%", url=server[0])[0] == 0
    assert [row[:2] for row in read_csv(out)] == [["rank", "ID"], ["1", "2"], ["2", "1"]]


def test_a_file_of_nothing_but_totals_has_no_customers(server: tuple[str, Remembering], tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", "Total,,,,,,,,")
    code, _, warned = score(file, "--out", str(tmp_path / "out.csv"), url=server[0])
    assert (code, "there are no customers" in warned) == (2, True)


@pytest.mark.parametrize(
    ("ages", "top", "left", "words"),
    [
        (
            [60, 40, 40, 40, 30],
            "2",
            ["0"],
            "Asked for were 2; customers with the same probability as the last one are left",
        ),
        ([60, 40, 40, 40, 30], "3", ["0", "1", "2", "3"], "Asked for were 3; customers with the same"),
        ([60, 40, 40, 40, 30], "4", ["0", "1", "2", "3"], ""),
        ([40, 40, 40, 30], "1", ["0", "1", "2"], "are taken together"),
        ([30, 40], "1", ["1"], ""),
        ([40.00001, 40, 40.00002, 30], "1", ["0", "1", "2"], "are taken together"),
    ],
)
def test_ties_at_the_cut_are_taken_or_left_together(
    ages: list[float], top: str, left: list[str], words: str, server: tuple[str, Remembering], tmp_path: Path
) -> None:
    file = write(tmp_path / "in.csv", *(f"{n},Male,No,{age},No,Artist,1,Low,4" for n, age in enumerate(ages)))
    out = tmp_path / "out.csv"
    evaluation = str(known(tmp_path / "e.json"))
    code, said, _ = score(file, "--out", str(out), "--top", top, "--evaluation", evaluation, url=server[0])
    rows = read_csv(out)[1:]
    assert (code, [row[1] for row in rows]) == (0, left)
    assert (words in said) if words else ("Asked for" not in said)
    # The expectation is that of the list that was written; the line changes nothing here.
    mean = sum(ages[int(number)] for number in left) / len(left) / 100
    assert f"Expect about {round(mean * len(left))} of them to be D ({100 * mean:.0f} %, likely" in said
    assert float(rows[-1][-7]) == pytest.approx(mean, abs=6e-4)
    assert f"Without a model, expect {sum(ages) / len(ages):.0f} %" in said


def test_a_file_unlike_the_training_data_is_said_to_be_so(server: tuple[str, Remembering], tmp_path: Path) -> None:
    far = {
        "Profession": KnownInput(CATEGORIES["Profession"], [7000, 3000], [], None, None, True, 0.025, 8068),
        "Age": KnownInput(None, [1000] * 10, NUMBER.edges, 0.0, 120.0, True, 0.0012, 8068),
    }
    evaluation = str(known(tmp_path / "e.json", dict(INPUTS) | far))
    rows = [f"{n},Male,No,{n % 100},No,{'Artist' if n % 10 < 7 else 'Healthcare'},1,Low,4" for n in range(1000)]
    like, unlike = write(tmp_path / "like.csv", *rows), tmp_path / "unlike.csv"
    write(unlike, *(row.replace("Artist", "Healthcare") for row in rows))
    for file, is_far in ((like, False), (unlike, True)):
        warned = score(file, "--out", str(tmp_path / "o.csv"), "--evaluation", evaluation, url=server[0])[2]
        assert ("these customers are not like those on which version 1 was trained" in warned) is is_far
        assert ("Profession (L-infinity distance 0.700, by chance below" in warned) is is_far
        assert "Age (" not in warned


def test_the_header_may_be_written_in_another_way(server: tuple[str, Remembering], tmp_path: Path) -> None:
    header = HEADER.replace("Ever_Married", "ever married").replace("Age", "AGE")
    file, out = write(tmp_path / "in.csv", GOOD, header=header), tmp_path / "out.csv"
    code, _, warned = score(file, "--out", str(out), url=server[0])
    assert code == 0
    assert "the header is written in another way: taken are 'ever married' as Ever_Married, 'AGE' as Age." in warned
    assert read_csv(out)[0][:9] == header.split(",")


def test_two_columns_that_look_alike_are_refused_unless_one_has_the_very_name(
    server: tuple[str, Remembering], tmp_path: Path
) -> None:
    out = str(tmp_path / "out.csv")
    alike = write(tmp_path / "a.csv", f"{GOOD},22", header=HEADER.replace("Age", "AGE") + ",age")
    exact = write(tmp_path / "b.csv", f"{GOOD},99", header=HEADER + ",age")
    code, _, warned = score(alike, "--out", out, url=server[0])
    assert (code, "column 'Age' stands in the header twice (in columns 4, 10)" in warned) == (2, True)
    assert score(exact, "--out", out, url=server[0])[0] == 0
    assert server[1].rows[-1]["Age"] == 22
    assert set(server[1].rows[-1]) == set(NAMES)
