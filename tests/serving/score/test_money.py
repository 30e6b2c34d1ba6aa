"""Lists in money: as many as pay, the budget, where the amounts come from, and what the summary says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.client.stand_in import Answer, Request, stand_in
from tests.serving.score.scoring import NAMES, NUMBERS, read_csv, score, write
from tests.serving.score.test_values import known

AGES = (90, 60, 60, 60, 20, 10, 5)


def answer(asks: Request) -> Answer:
    """A server that scores by age alone."""
    if asks.path.endswith("/metadata"):
        kinds = {name: {"dtype": "DT_FLOAT" if name in NUMBERS else "DT_STRING"} for name in NAMES}
        return 200, {"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": kinds}}}}}
    if asks.body is None:
        return 200, {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {}}]}
    rows = asks.body["instances"]
    return 200, {"predictions": [{"probability": row["Age"] / 100, "label": "rest"} for row in rows]}


@pytest.fixture
def url() -> Iterator[str]:
    with stand_in(answer) as url:
        yield url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = (f"{n},Male,No,{age},No,Healthcare,1,Low,4" for n, age in enumerate(AGES))
    return write(tmp_path / "in.csv", *rows)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return known(tmp_path / "evaluation.json")


def listed(file: Path, release: Path, *arguments: str, url: str) -> tuple[list[int], str]:
    """The rows of the list, by their numbers in the file, and the summary."""
    out = file.with_name("out.csv")
    code, said, wrong = score(file, "--out", str(out), "--evaluation", str(release), *arguments, url=url)
    assert code == 0, wrong
    return [int(row[1]) for row in read_csv(out)[1:]], said


def test_those_are_contacted_who_pay(file: Path, release: Path, url: str) -> None:
    rows, said = listed(file, release, "--value", "80", "--cost", "10", url=url)
    assert rows == [0, 1, 2, 3, 4]
    assert "At 10 a contact and 80 for each D who is reached, a contact pays above a calibrated probability of" in said
    assert "of 12.5 %: 5 of the file do." in said
    assert "Contacting the 5 costs 50; expect 232 back, likely 80 to 400: a profit of 182, likely 30 to 350." in said


def test_a_budget_is_never_exceeded_and_ties_are_left_together(file: Path, release: Path, url: str) -> None:
    amounts = ("--value", "80", "--cost", "10")
    rows, said = listed(file, release, *amounts, "--budget", "30", url=url)
    assert rows == [0], "two of the three who are alike would be in the budget"
    assert "Asked for were 3; customers with the same probability as the last one are left together." in said
    assert "The budget of 30 pays for 3 contacts." in said
    assert listed(file, release, *amounts, "--budget", "49", url=url)[0] == [0, 1, 2, 3]
    assert listed(file, release, *amounts, "--budget", "1000", "--top", "pays", url=url)[0] == [0, 1, 2, 3, 4]
    rows, said = listed(file, release, *amounts, "--budget", "9", url=url)
    assert rows == []
    assert "Nobody is in " in said


def test_a_budget_splits_ties_when_nobody_else_would_be_left(tmp_path: Path, release: Path, url: str) -> None:
    file = write(tmp_path / "in.csv", *(f"{n},Male,No,60,No,Healthcare,1,Low,4" for n in range(5)))
    assert listed(file, release, "--value", "80", "--cost", "10", "--budget", "20", url=url)[0] == [0, 1]


def test_a_number_that_is_asked_for_is_kept_and_held_against_the_budget(file: Path, release: Path, url: str) -> None:
    rows, said = listed(file, release, "--top", "6", "--value", "80", "--cost", "10", "--budget", "40", url=url)
    assert rows == [0, 1, 2, 3, 4, 5]
    assert "The budget of 40 pays for 4 contacts: 2 fewer than are in the list." in said


def test_the_release_has_the_defaults_and_they_do_not_choose_the_list(file: Path, release: Path, url: str) -> None:
    everybody = [0, 1, 2, 3, 4, 5]
    assert " costs " not in listed(file, release, "--top", "6", url=url)[1], "nobody has said what a contact costs"
    economics = {"value": 80.0, "cost": 10.0, "budget": 0.0, "currency": "EUR"}
    release.with_name("release.json").write_text(json.dumps({"economics": economics}))
    rows, said = listed(file, release, "--top", "6", url=url)
    assert (rows, "Contacting the 6 costs 60 EUR;" in said) == (everybody, True)
    rows, said = listed(file, release, "--cost", "50", url=url)
    assert (rows, "At 50 EUR a contact and 80 EUR for each D" in said) == ([0], True)
    rows, said = listed(file, release, "--top", "6", "--value", "0", "--cost", "0", url=url)
    assert (rows, "EUR" in said) == (everybody, False)
    out = file.with_name("all.csv")
    assert score(file, "--out", str(out), "--evaluation", str(release), url=url)[0] == 0
    assert [row[0] for row in read_csv(out)[1:]] == [str(n) for n in range(7)], "all are written, in their order"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--value", "80"), "--cost is not set, and the other one is. Set both, or neither."),
        (("--value", "8", "--cost", "9"), "--cost = 9: must be below --value = 8, or no contact pays."),
        (("--budget", "9"), "--budget = 9 says nothing without value and cost."),
        (("--top", "pays"), "nobody has said what a contact costs and a reached target is worth. Give value and cost."),
    ],
)
def test_what_cannot_be_is_said_before_anybody_is_scored(
    arguments: tuple[str, ...], said: str, file: Path, release: Path, url: str
) -> None:
    out = file.with_name("out.csv")
    code, _, wrong = score(file, "--out", str(out), "--evaluation", str(release), *arguments, url=url)
    assert (code, out.exists()) == (2, False)
    assert said in wrong


def test_how_many_pay_is_not_known_without_a_calibration(file: Path, url: str, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"rows": 1000}))
    amounts = ("--value", "80", "--cost", "10")
    out = file.with_name("out.csv")
    code, _, wrong = score(file, "--out", str(out), "--evaluation", str(old), *amounts, url=url)
    assert (code, "How many customers pay is not known: version 1 was evaluated before" in wrong) == (2, True)
    rows, said = listed(file, old, "--top", "2", *amounts, url=url)
    assert (rows, "Contacting the 1 costs 10; what to expect back is not known." in said) == ([0], True)


@pytest.mark.parametrize("arguments", [("--value", "-1"), ("--cost", "nan"), ("--budget", "much"), ("--value", "2e9")])
def test_what_is_no_amount_is_refused(
    arguments: tuple[str, ...], file: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        score(file, "--out", "out.csv", *arguments, url=url)
    assert f"{arguments[1]!r} is not an amount from 0 to 1,000,000,000" in capsys.readouterr().err


@pytest.mark.parametrize("economics", [[], {"value": 80.0}, {"value": 8.0, "cost": 9.0, "budget": 0, "currency": ""}])
def test_a_damaged_record_is_named(economics: object, file: Path, release: Path, url: str) -> None:
    release.with_name("release.json").write_text(json.dumps({"economics": economics}))
    out = file.with_name("out.csv")
    code, _, wrong = score(file, "--out", str(out), "--evaluation", str(release), url=url)
    assert (code, "release.json is not the record of a version" in wrong) == (2, True)
