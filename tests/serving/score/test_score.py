"""Scoring a CSV: what is written, what is refused by line, and that a file appears whole or not at all."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from serving.score.lists.list_columns import COLUMNS
from serving.server import embedded
from tests.serving.live import GOLDEN
from tests.serving.score.scoring import HEADER, many, read_csv, score, write

EXPECTED = -1 - len(COLUMNS)
"""Where `expected_precision` is in a row of a list."""
ROWS = (
    "1,Male,No,22,No,Healthcare,1,Low,4",
    '2,Female,,61.5,Yes,"Artist, retired",,High,NA',
    "3,Female,Yes, 40 ,Yes,Zauberin \u2728,NaN,Average,-1",
)


@pytest.fixture(scope="module")
def url(tensorflow_here: None) -> Iterator[str]:
    with embedded.embedded_server(GOLDEN / "models" / "customer-example") as url:
        ModelServer(url).wait_available(1, deadline=60)
        yield url


def test_every_row_comes_back_as_it_was_with_its_score(url: str, tmp_path: Path) -> None:
    file, out = write(tmp_path / "in.csv", *ROWS), tmp_path / "out.csv"
    code, said, _ = score(file, "--out", str(out), "--rows-per-request", "2", url=url)
    before, after = read_csv(file), read_csv(out)
    assert code == 0
    assert after[0] == [*before[0], "probability", "label"]
    assert [row[:-2] for row in after[1:]] == before[1:]
    customers: list[dict[str, Any]] = [
        {"Gender": "Male", "Ever_Married": "No", "Age": 22, "Graduated": "No", "Profession": "Healthcare"},
        {"Gender": "Female", "Ever_Married": "", "Age": 61.5, "Graduated": "Yes", "Profession": "Artist, retired"},
        {"Gender": "Female", "Ever_Married": "Yes", "Age": 40, "Graduated": "Yes", "Profession": "Zauberin \u2728"},
    ]
    customers[0] |= {"Work_Experience": 1, "Spending_Score": "Low", "Family_Size": 4}
    customers[1] |= {"Work_Experience": math.nan, "Spending_Score": "High", "Family_Size": math.nan}
    customers[2] |= {"Work_Experience": math.nan, "Spending_Score": "Average", "Family_Size": -1}
    answers = ModelServer(url).predict(customers)
    assert [row[-2:] for row in after[1:]] == [[f"{a['probability']:.6f}", a["label"]] for a in answers]
    assert said.startswith("Scored 3 customers with version 1: ")


@pytest.mark.parametrize(
    ("separator", "line_end", "bom"), [(";", "\r\n", True), ("\t", "\n", False), (",", "\r\n", True)]
)
def test_the_layout_of_the_file_is_kept(separator: str, line_end: str, bom: bool, url: str, tmp_path: Path) -> None:
    names, values = HEADER.split(","), ROWS[0].split(",")
    text = separator.join(names) + line_end + separator.join(values) + line_end
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    assert score(file, "--out", str(out), url=url)[0] == 0
    written = out.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf") is bom
    assert written.count(line_end.encode()) == written.count(b"\n") == 2
    assert read_csv(out, separator)[1][:-2] == values


def test_wrong_rows_are_named_by_line_and_nothing_is_written(url: str, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    write(
        file,
        ROWS[0],
        '2,"Fe\nmale",No,old,No,Artist,1,Low,4',  # begins in line 3 and ends in line 4
        "3,Male,No,22,No",
        "",
        "4,Male,No,1e999,No,Artist,1,Low,4",
        "5,Male,No,1_000,No,Artist,1,Low,4",
    )
    with file.open("ab") as stream:
        stream.write(b'7,"never closed')
    code, said, wrong = score(file, "--out", str(out), url=url)
    assert (code, said) == (2, "")
    assert wrong.splitlines() == [
        f"{file}: 5 rows cannot be scored; nothing was written.",
        "  line 3: Age is 'old', not a number",
        "  line 5: 5 values instead of 9",
        "  line 7: Age is '1e999', not a number",
        "  line 8: Age is '1_000', not a number",
        "  line 9: unexpected end of data; the rest of the file was not read",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_nul_character_is_named_with_its_line(url: str, tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", ROWS[0], ROWS[0].replace("Artist", "Art\0ist") + "\0")
    code, said, wrong = score(file, "--out", str(tmp_path / "out.csv"), url=url)
    assert (code, said) == (2, "")
    assert "line 3: a NUL character" in wrong
    assert not (tmp_path / "out.csv").exists()


def test_no_more_than_ten_rows_are_shown(url: str, tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", *(["1,Male"] * 12))
    wrong = score(file, "--out", str(tmp_path / "out.csv"), url=url)[2]
    assert "12 rows cannot be scored" in wrong
    assert wrong.count("values instead of 9") == 10
    assert wrong.endswith("  and 2 more\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "the file is empty (0 bytes)"),
        (HEADER.encode() + b"\n", "there is a header, but there are no customers"),
        (HEADER.replace("Age", "Alter").encode() + b"\n1\n", "the first line lacks Age; it has 'ID', 'Gender', 'Ever_"),
        (
            HEADER.replace(",", ":").encode() + b"\n1\n",
            "a CSV in UTF-8 with commas, semicolons, tabs or vertical bars between",
        ),
        (f"Customers 2024,,,\n\n{HEADER}\n1\n".encode(), "line 3 is the header, and other lines stand before it"),
        (
            f"# from the CRM\n{HEADER}\n".replace(",", ";").encode(),
            "line 2 is the header, and other lines stand before",
        ),
        (b"ARROW1\0\0 and more", "this is an Arrow file, not a CSV"),
        (b"BZh91AY&SY\xf7", "this is a bzip2 file, not a CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0", "this is not a text file: byte 7 is 0x1A"),
        ((HEADER + "\n").encode("utf-16"), "this is UTF-16 (it begins with its byte order mark), not UTF-8"),
        ((HEADER + ",Age\n1\n").encode(), "column 'Age' stands in the header twice (in columns 4, 10)"),
        ((HEADER + ",label\n").encode(), " already has a column 'label'. Rename it"),
    ],
)
def test_a_file_that_cannot_be_scored(content: bytes | None, said: str, url: str, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    if content is not None:
        file.write_bytes(content)
    code, _, wrong = score(file, "--out", str(tmp_path / "out.csv"), url=url)
    assert code == 2
    assert said in wrong
    assert not (tmp_path / "out.csv").exists()


def test_a_directory_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    code, _, wrong = score(write(tmp_path / "in.csv", *ROWS), "--out", str(tmp_path / "no" / "out.csv"), url=url)
    assert code == 2
    assert "out.csv cannot be written (no such directory)" in wrong


LINE = {"intercept": 0.3, "slope": 1.2, "covariance": [[0.01, 0.0], [0.0, 0.02]], "rows": 1000}


def evaluation(path: Path, **more: Any) -> Path:
    """An evaluation of 1,000 customers with a calibration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": 1000, "target": "D", "calibration": LINE, **more}))
    return path


def replay(path: Path, url: str, *, off: float = 0.0) -> None:
    """Known rows of the model at `url`, with its own answers, or some that are `off`."""
    rows: list[dict[str, Any]] = [EXAMPLE_INSTANCE | {"Age": age} for age in (18, 42, math.nan)]
    right = [answer["probability"] for answer in ModelServer(url).predict(rows)]
    path.write_text(json.dumps({"instances": rows, "probability": [*right[:-1], right[-1] + off]}))


def test_top_is_the_ranking_with_what_to_expect_of_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    evaluation(tmp_path / "root" / "releases" / "1" / "evaluation.json")
    replay(tmp_path / "root" / "releases" / "1" / "replay.json", url)
    file, everybody, out = many(tmp_path / "in.csv", 40), tmp_path / "all.csv", tmp_path / "top.csv"
    assert score(file, "--out", str(everybody), url=url)[0] == 0
    code, said, _ = score(file, "--out", str(out), "--top", "30%", url=url)
    header, *rows = read_csv(out)
    assert code == 0
    assert header == ["rank", *HEADER.split(","), "probability", "label", "expected_precision", *COLUMNS]
    assert {tuple(row[-3:]) for row in rows} == {("1", "1.000000", "")}
    lines = file.read_text().splitlines()
    assert [lines[int(row[-4]) - 1] for row in rows] == [",".join(row[1:10]) for row in rows]
    rows = [row[: -len(COLUMNS)] for row in rows]
    best = sorted(read_csv(everybody)[1:], key=lambda row: -float(row[-2]))[:12]
    assert [float(row[-3]) for row in rows] == [float(row[-2]) for row in best]
    assert {tuple(row[1:-1]) for row in rows} <= {tuple(row) for row in read_csv(everybody)[1:]}
    assert [row[0] for row in rows] == [str(rank) for rank in range(1, 13)]
    calibrated = [1 / (1 + math.exp(-0.3 - 1.2 * math.log(p / (1 - p)))) for p in (float(row[-3]) for row in rows)]
    means = [sum(calibrated[:rank]) / rank for rank in range(1, 13)]
    assert [float(row[-1]) for row in rows] == pytest.approx(means, abs=6e-4)
    assert f"Target the 12 in {out}, best first: 30 % of all" in said
    assert f"Expect about {round(12 * means[-1])} of them to be D ({100 * means[-1]:.0f} %, likely " in said


def test_an_evaluation_from_before_calibrations_says_so_and_how_to_get_one(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    old = tmp_path / "root" / "releases" / "1" / "evaluation.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({"rows": 1000, "ranking": [{"share": 1.0, "precision": 0.3, "recall": 1.0}]}))
    replay(old.with_name("replay.json"), url)
    out = tmp_path / "top.csv"
    code, said, warned = score(many(tmp_path / "in.csv", 10), "--out", str(out), "--top", "3", url=url)
    assert (code, {row[EXPECTED] for row in read_csv(out)[1:]}) == (0, {""})
    assert "is not known: version 1 was evaluated before calibrations were stored with it.\nTrain and promote" in said
    assert "which values version 1 does not know is not known" in warned


def test_top_without_an_evaluation_says_what_is_missing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    file, out = many(tmp_path / "in.csv", 10), tmp_path / "top.csv"
    code, said, _ = score(file, "--out", str(out), "--top", "3", url=url)
    assert (code, len(read_csv(out))) == (0, 4)
    assert {row[EXPECTED] for row in read_csv(out)[1:]} == {""}
    assert f"there is no {tmp_path / 'root' / 'releases' / '1' / 'evaluation.json'}" in said
    code, _, wrong = score(file, "--out", str(out), "--top", "3", "--evaluation", str(file), url=url)
    assert (code, "is not an evaluation of a version" in wrong) == (2, True)
    code, _, wrong = score(file, "--out", str(out), "--top", "3", "--evaluation", str(tmp_path / "x"), url=url)
    assert (code, "no such file" in wrong) == (2, True)


def test_an_evaluation_of_another_model_with_the_same_number_is_not_believed(url: str, tmp_path: Path) -> None:
    file, out, release = many(tmp_path / "in.csv", 10), tmp_path / "top.csv", tmp_path / "releases" / "1"
    named = evaluation(release / "evaluation.json")

    def said(place: Path) -> str:
        code, said, wrong = score(file, "--out", str(out), "--top", "3", "--evaluation", str(place), url=url)
        known = {row[EXPECTED] != "" for row in read_csv(out)[1:]}
        assert (code, wrong != "", known) == (0, True, {"Expect about" in said})
        return said

    assert f"is not known: there is no {release / 'replay.json'} to tell whether" in said(release.parent)
    assert "Expect about" in said(named)  # the user said so, and nothing tells otherwise
    replay(release / "replay.json", url)
    assert "Expect about" in said(release.parent)
    replay(release / "replay.json", url, off=2e-4)
    for place in (release.parent, named):
        assert f"is not known: {named} belongs to another model than the one that answers" in said(place)
    (release / "replay.json").write_text(json.dumps({"instances": [{"Height": 1.8}], "probability": [0.5]}))
    assert "belongs to another model" in said(named), "the server refuses such rows"
    (release / "replay.json").write_text("{}")
    code, _, wrong = score(file, "--out", str(out), "--top", "3", "--evaluation", str(named), url=url)
    assert (code, "replay.json does not hold known rows of a version" in wrong) == (2, True)
