"""A list of the page has the numbers of the command, reasons, and what the chosen money makes of it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from python_calamine import CalamineWorkbook

from serving.client.model_client import ModelServer
from serving.reasons.columns import predict_by_rows
from serving.reasons.reason_columns import reason_texts
from serving.score.lists.list_columns import COLUMNS
from tests.serving.gateway.page.release import ECONOMICS, LINE, MODEL, background, known_inputs
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.gateway.test_score import ROWS, workbook
from tests.serving.live import ServerProcess
from tests.serving.score.scoring import HEADER, NAMES, many, read_csv, score, write

NO_MONEY = ("expected_profit", "reckoned_with")


def rows_of(body: bytes, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=separator))


def as_the_command(rows: list[list[Any]]) -> list[list[Any]]:
    """Rows of a list of the page without reasons and money, which the command's have not."""
    return [row[: -4 - len(COLUMNS)] + row[-len(COLUMNS) :] for row in rows]


@pytest.mark.parametrize("top", ["2", "40%", "100%"])
@pytest.mark.parametrize(("separator", "line_end", "bom"), [(",", "\n", False), (";", "\r\n", True)])
def test_a_csv_is_the_list_of_the_command_with_reasons_and_money(
    visitor: Visitor,
    golden_server: ServerProcess,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    top: str,
    separator: str,
    line_end: str,
    bom: bool,
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(root))
    lines = [row.replace(",", separator) for row in (HEADER, *ROWS) if '"' not in row]
    if separator == ";":
        lines = [line.replace("; 40 ;", "; 40,5 ;") for line in lines]  # a decimal comma comes back as one
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(b"\xef\xbb\xbf" * bom + line_end.join((*lines, "")).encode())
    assert score(file, "--out", str(out), "--model", MODEL, "--top", top, url=golden_server.url)[0] == 0
    found = visitor.list_of(file.read_bytes())
    way = {"by": "share", "share": top} if "%" in top else {"by": "number", "number": top}
    body = visitor.download(found, **way)
    assert body.startswith(b"\xef\xbb\xbf") is bom
    assert body.count(line_end.encode()) == body.count(b"\n") == out.read_bytes().count(b"\n")
    ours = rows_of(body, separator)
    assert ours[0][-10:] == ["unlike_training", "reasons_for", "reasons_against", *NO_MONEY, *COLUMNS]
    assert as_the_command(ours) == read_csv(out, separator)
    assert ("'=1+1" in body.decode()) == ("'=1+1" in out.read_text(encoding="utf-8-sig"))


def test_a_workbook_is_the_list_of_the_command_and_has_no_formula(
    visitor: Visitor, golden_server: ServerProcess, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(root))
    rows = (
        ("=1+1", "Male", "No", 22, "No", "Healthcare", 1, "Low", 4),
        ("x", "", "", 61.5, "Yes", "Artist", "", "", 2),
    )
    file, out = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    file.write_bytes(workbook(*rows))
    assert score(file, "--out", str(out), "--model", MODEL, "--top", "100%", url=golden_server.url)[0] == 0
    found = visitor.list_of(file.read_bytes(), "my customers.xlsx")
    body = visitor.download(found, by="share", share="100")  # the format that came in
    ours, theirs = (
        CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
        for data in (body, out.read_bytes())
    )
    assert as_the_command(ours) == theirs
    assert b"<f>" not in body
    assert rows_of(visitor.download(found, by="share", share="100", kind="csv"))[0] == ours[0]


def test_every_way_to_choose_is_reckoned_from_the_calibrated_probabilities(visitor: Visitor, tmp_path: Path) -> None:
    found = visitor.list_of(many(tmp_path / "in.csv", 300).read_bytes())
    everybody = rows_of(visitor.download(found, by="share", share="100"))
    place = everybody[0].index("probability")
    written = np.array([float(row[place]) for row in everybody[1:]])
    calibrated = LINE.apply(written)
    assert len(written) == 300

    share = visitor.prospect(found, by="share", share="10")
    assert (share["count"], share["version"], share["target"]) == (_end(written, 30), 1, "D")
    number = visitor.prospect(found, by="number", number="120", value="500", cost="5", currency="CHF")
    count = number["count"]
    assert count == _end(written, 120)
    expected = LINE.expect(written[:count])
    assert number["expected"]["targets"] == round(expected.share * count)
    assert [number["expected"]["low"], number["expected"]["high"]] == [
        round(expected.low * count),
        round(expected.high * count),
    ]
    assert number["money"]["at"] == pytest.approx(500 * calibrated[:count].sum() - 5 * count, abs=0.2)
    assert number["money"]["terms"] == "5 CHF a contact, 500 CHF a D customer, entered for this list alone"

    cut = float(np.quantile(calibrated, 0.4))  # a cost at which some pay
    value, cost = 100.0, 100.0 * cut
    pay = visitor.prospect(found, by="pay", value=value, cost=cost)
    assert pay["count"] in {_end(written, number) for number in range(int((calibrated * value > cost).sum()) + 1)}
    assert 0 < pay["count"] < 300
    budget = visitor.prospect(found, by="budget", value=value, cost=cost, budget=cost * 50.5)
    assert budget["count"] <= 50
    assert budget["count"] in {_end(written, number) for number in range(51)}
    rich = visitor.prospect(found, by="budget", value=value, cost=cost, budget=1e6)
    assert rich["count"] <= pay["count"]
    assert "only" in rich["notes"][-1]
    curve = dict(map(tuple, pay["money"]["curve"]))
    assert curve[300] == pytest.approx(value * calibrated.sum() - cost * 300, abs=0.1)
    assert max(curve.values()) <= pay["money"]["at"] + 1
    assert pay["gains"][-1] == [300, 1.0]


def test_as_many_as_pay_are_those_of_the_command(
    visitor: Visitor, golden_server: ServerProcess, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ROOT", str(root))
    file, out = many(tmp_path / "in.csv", 200), tmp_path / "out.csv"
    found = visitor.list_of(file.read_bytes())
    for more, choice in (
        (("--top", "pays"), {"by": "pay"}),
        (("--value", "200", "--cost", "40"), {"by": "pay", "value": "200", "cost": "40"}),
        (
            ("--value", "200", "--cost", "4", "--budget", "90"),
            {"by": "budget", "value": "200", "cost": "4", "budget": "90"},
        ),
    ):
        assert score(file, "--out", str(out), "--model", MODEL, *more, url=golden_server.url)[0] == 0
        if len(theirs := read_csv(out)) > 1:
            assert as_the_command(rows_of(visitor.download(found, **choice))) == theirs
        assert visitor.prospect(found, **choice)["count"] == len(theirs) - 1
    assert 1 < len(theirs) <= 23


def _end(written: np.ndarray[tuple[int], np.dtype[np.float64]], count: int) -> int:
    """Where a list of about so many ends, equal probabilities together: the nearer end of the last group."""
    if count == 0:
        return 0
    last = written[count - 1]
    start, end = int((written > last).sum()), int((written >= last).sum())
    return start if start and count - start < end - count else end


def test_reasons_and_money_stand_in_the_file_and_nobody_else_s_money(
    visitor: Visitor, golden_server: ServerProcess, tmp_path: Path
) -> None:
    customers = [
        dict(zip(NAMES, ("Male", "No", 22.0, "No", "Healthcare", 1.0, "Low", 4.0), strict=True)),
        dict(zip(NAMES, ("Female", "", 61.5, "Yes", "Artist", float("nan"), "High", 2.0), strict=True)),
    ]
    file = write(tmp_path / "in.csv", "1,Male,No,22,No,Healthcare,1,Low,4", "2,Female,,61.5,Yes,Artist,,High,2")
    server = ModelServer(golden_server.url, MODEL)
    predict = predict_by_rows(lambda rows: [float(each["probability"]) for each in server.predict(rows)])
    expected = reason_texts(customers, background(golden_server.url), known_inputs(), predict)
    found = visitor.list_of(file.read_bytes())
    rows = rows_of(visitor.download(found, by="share", share="100", value="100", cost="2.50"))
    header = rows[0]
    for row in rows[1:]:
        told = dict(zip(header, row, strict=True))
        assert (told["reasons_for"], told["reasons_against"]) == expected[int(told["ID"]) - 1]
        calibrated = float(LINE.apply(np.array([float(told["probability"])]))[0])
        assert float(told["expected_profit"]) == pytest.approx(100 * calibrated - 2.5, abs=0.01)
        assert told["reckoned_with"] == "2.50 a contact, 100 a D customer"
    assert any(any(texts) for texts in expected)
    shown = visitor.json("GET", f"/page/lists/{found}/rows?first=1")
    assert [tuple(row["reasons"]) for row in shown["rows"]] == [
        expected[int(row["cells"][0]) - 1] for row in shown["rows"]
    ]
    # The next one gets the amounts of the settings again.
    money = visitor.prospect(found, by="share", share="100")["money"]
    assert money["terms"] == "30 EUR a contact, 80 EUR a D customer, from the settings of version 1"
    assert ECONOMICS["cost"] == 30


def test_a_budget_below_one_contact_is_told_as_that(visitor: Visitor, tmp_path: Path) -> None:
    found = visitor.list_of(many(tmp_path / "in.csv", 30).read_bytes())
    prospect = visitor.prospect(found, by="budget", value="80", cost="10", budget="5")
    assert (prospect["count"], prospect["notes"]) == (0, ["The budget does not pay for one contact."])


def test_a_contact_that_costs_next_to_nothing_is_reckoned_with(visitor: Visitor, tmp_path: Path) -> None:
    found = visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes())
    assert visitor.prospect(found, by="budget", value="5", cost="1e-300", budget="1e9")["count"] == 5


def test_reasons_end_at_a_bound_that_the_file_names(visitor: Visitor, tmp_path: Path) -> None:
    found = visitor.list_of(many(tmp_path / "in.csv", 1100).read_bytes())
    assert visitor.state(found)["facts"]["explained"] == 1000
    rows = rows_of(visitor.download(found, by="share", share="100"))
    place = rows[0].index("reasons_for")
    texts = [row[place] for row in rows[1:]]
    assert texts[1000:] == ["only the best 1,000 have reasons", *[""] * 99]
    assert "only" not in "".join(texts[:1000])


def test_what_was_seen_in_the_file_is_told_by_column(visitor: Visitor, tmp_path: Path) -> None:
    file = write(
        tmp_path / "in.csv",
        "1,male,No,22,No,Wizard,1,Low,4",
        "2,Female,,119,Yes,Artist,,High,2",
        "3,Female,Yes,999,Yes,Artist,3,High,2",
        ",,,,,,,,",
    )
    facts = visitor.over(visitor.send(file.read_bytes()))["facts"]
    columns = {column["name"]: column for column in facts["columns"]}
    assert (facts["customers"], facts["left_out"], facts["version"], facts["is_sample"]) == (3, 1, 1, False)
    assert (columns["Gender"]["respelled"], columns["Profession"]["unknown"], columns["Age"]["outside"]) == (1, 1, 1)
    assert columns["Profession"]["examples"]["unknown"] == ["'Wizard'"]
    assert (columns["Ever_Married"]["missing"], columns["Work_Experience"]["missing"]) == (1, 1)
    assert columns["Age"]["distance"]["kind"] == "Jensen-Shannon divergence"
    assert 0 < columns["Age"]["distance"]["value"] <= 1
    assert facts["unlike"] == 3  # Wizard, 119 and 999: no customer of the training had these
    rows = visitor.json("GET", f"/page/lists/{visitor.list_of(file.read_bytes())}/rows?first=1")["rows"]
    assert all(row["unlike"] > 5 for row in rows), "at least ten times rarer than the commonest"


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("by=number&number=0", "'0' is not a whole number, 1 or more"),
        ("by=number&number=ten", "'ten' is not a whole number, 1 or more"),
        ("by=number&number=10%25", "'10%' is not a whole number, 1 or more"),
        ("by=number&number=pays", "'pays' is not a whole number, 1 or more"),
        ("by=number&number=", "Enter how many customers you want."),
        ("by=share&share=pays", "'pays' is not a share above 0 and up to 100 %"),
        ("by=share&share=101", "'101' is not a share above 0 and up to 100 %"),
        ("by=luck", "'luck' is no way to choose"),
        ("by=pay&value=5", "Enter what a contact costs, too."),
        ("by=pay&cost=5", "Enter what a customer is worth, too."),
        ("by=pay&value=5&cost=6", "must be below"),
        ("by=pay&value=1e99&cost=6", "from 0 to 1,000,000,000"),
        ("by=pay&value=5&cost=x", "'x' is no amount for the cost"),
        ("by=pay&value=5&cost=1&currency=%3Cscript%3E", "at most 8 characters"),
        ("by=budget&value=5&cost=1", "Enter a budget"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_in_plain_words(
    choice: str, said: str, visitor: Visitor, tmp_path: Path
) -> None:
    found = visitor.list_of(many(tmp_path / "in.csv", 5).read_bytes())
    status, told = visitor.refused(f"/page/lists/{found}/prospect?{choice}")
    assert (status, said in told) == (400, True), told
    assert visitor.ask("GET", f"/page/lists/{found}/download?{choice}")[0] == 400
    assert json.loads(visitor.ask("GET", f"/page/lists/{found}/rows?first=x")[1])["error"]
    assert visitor.ask("GET", f"/page/lists/{found}/download?by=share&share=50&kind=exe")[0] == 400
