"""The columns beside the score: rows that are flagged, and reasons; in files, in lists and through the gateway."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import serving.score.columns.explainer
from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from serving.reasons.background import Background, BackgroundError
from serving.score.lists.list_columns import COLUMNS
from serving.score.row_writers import CsvRowWriter, is_formula
from serving.tables.column_names import MatchedColumns
from serving.tables.csv_layout import CsvLayout
from tests.serving.gateway.gateway_process import gateway
from tests.serving.live import ServerProcess, ask, error_of
from tests.serving.score.scoring import NUMBERS, read_csv, score, write
from tests.serving.score.test_values import INPUTS, known

MODEL = "customer-example"
ROWS = (
    "1,Male,No,22,No,Healthcare,1,Low,4",
    "2,Female,Yes,63,Yes,Artist,1,Average,2",
    ",,,,,,,,",
    "3,Female,Yes,41,Yes,Zauberin,1,High,3",
)


@pytest.fixture
def root(golden_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose release belongs to the model that answers."""
    release = tmp_path / "root" / "releases" / "1"
    release.mkdir(parents=True)
    inputs = {name: INPUTS[name] for name in EXAMPLE_INSTANCE}
    known(release / "evaluation.json", inputs)
    rows = [EXAMPLE_INSTANCE | {"Age": age} for age in (18.0, 42.0, 70.0)]
    scores = [float(found["probability"]) for found in ModelServer(golden_server.url, MODEL).predict(rows)]
    (release / "replay.json").write_text(json.dumps({"instances": rows, "probability": scores}))
    error = BackgroundError(500, 24, 0.0, 0.0, 1.0)
    background = Background(tuple(rows), NUMBERS, (0.25, 0.25, 0.5), tuple(scores), error)
    (release / "background.json").write_text(json.dumps(background.as_dict()))
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "in.csv", *ROWS)


def told(file: Path, *arguments: str, url: str) -> tuple[list[dict[str, str]], str]:
    out = file.with_name("out.csv")
    code, said, wrong = score(file, "--out", str(out), "--model", MODEL, *arguments, url=url)
    assert code == 0, wrong
    header, *rows = read_csv(out)
    return [dict(zip(header, row, strict=True)) for row in rows], said


def test_a_row_unlike_the_training_data_is_flagged_with_its_distance(
    root: Path, file: Path, golden_server: ServerProcess
) -> None:
    rows, said = told(file, url=golden_server.url)
    assert [*rows[0]][-3:] == ["probability", "label", "unlike_training"]
    assert float(rows[3]["unlike_training"]) > 7, "no training row had this profession"
    assert rows[2]["unlike_training"] == "", "this is no customer"
    flagged = sum(row["unlike_training"] != "" for row in rows)
    assert f"{flagged} of them " in said
    best, _ = told(file, "--top", "3", url=golden_server.url)
    assert [*best[0]][-7:] == ["expected_precision", "unlike_training", *COLUMNS]
    by_id = {row["ID"]: row["unlike_training"] for row in rows}
    assert [row["unlike_training"] for row in best] == [by_id[row["ID"]] for row in best]


def test_reasons_are_the_same_in_a_list_and_in_the_whole_file(
    root: Path, file: Path, golden_server: ServerProcess
) -> None:
    rows, _ = told(file, "--reasons", url=golden_server.url)
    assert [*rows[0]][-2:] == ["reasons_for", "reasons_against"]
    assert rows[2]["reasons_for"] == rows[2]["reasons_against"] == ""
    assert any(row["reasons_for"] or row["reasons_against"] for row in rows)
    assert "Zauberin" not in "".join(row["reasons_for"] + row["reasons_against"] for row in rows)
    best, _ = told(file, "--top", "2", "--reasons", url=golden_server.url)
    by_id = {row["ID"]: (row["reasons_for"], row["reasons_against"]) for row in rows}
    assert [(row["reasons_for"], row["reasons_against"]) for row in best] == [by_id[row["ID"]] for row in best]


def test_reasons_come_through_the_gateway_and_never_into_its_log(
    root: Path, file: Path, golden_server: ServerProcess, tmp_path: Path
) -> None:
    command, _ = told(file, "--top", "2", "--reasons", url=golden_server.url)
    flags = (f"--model={MODEL}", f"--spool={tmp_path / 'spool'}")
    with gateway(golden_server.url, *flags, log=tmp_path / "log") as door:
        kind = {"Content-Type": "text/csv"}
        status, body, headers = ask(door.url, "POST", "/v1/score?top=2&reasons=yes&explore=0", file.read_bytes(), kind)
        expected = file.with_name("out.csv").read_text().replace(command[0]["request_id"], headers["x-request-id"])
        assert (status, body.decode()) == (200, expected)
        status, body, _ = ask(door.url, "POST", "/v1/score?reasons=perhaps", file.read_bytes(), kind)
        assert (status, "'perhaps' is neither yes nor no" in error_of(body)) == (400, True)
        (root / "releases" / "1" / "background.json").unlink()
        status, body, _ = ask(door.url, "POST", "/v1/score?reasons=yes", file.read_bytes(), kind)
        assert (status, "No reasons for version 1" in error_of(body)) == (422, True)
        log = door.log.read_text()
    texts = [row[name] for row in command for name in ("reasons_for", "reasons_against") if row[name]]
    assert texts
    assert not [text for text in texts if text in log]


def test_reasons_are_bounded(
    root: Path, file: Path, golden_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving.score.columns.explainer, "MOST_EXPLAINED", 2)
    out = file.with_name("out.csv")
    amounts = ("--value", "1e6", "--cost", "0.001")
    for more in ((), ("--top", "3"), amounts):
        arguments = ("--out", str(out), "--model", MODEL, "--reasons", *more)
        code, _, wrong = score(file, *arguments, url=golden_server.url)
        assert (code, out.exists()) == (2, False)
        assert "Reasons are given for 2 customers at most, and these are 3. Ask for the best 2 or fewer" in wrong
    assert len(told(file, "--reasons", "--top", "2", url=golden_server.url)[0]) == 2


def test_a_column_that_is_about_to_be_added_may_not_be_there(
    root: Path, tmp_path: Path, golden_server: ServerProcess
) -> None:
    header = "unlike_training,Gender,Ever_Married,Age,Graduated,Profession,Work_Experience,Spending_Score,Family_Size"
    file = write(tmp_path / "in.csv", *ROWS, header=header)
    arguments = ("--out", str(tmp_path / "out.csv"), "--model", MODEL)
    code, _, wrong = score(file, *arguments, url=golden_server.url)
    assert (code, "already has a column 'unlike_training'" in wrong) == (2, True)


def test_a_text_of_ours_that_begins_like_a_formula_is_guarded_too() -> None:
    out = io.BytesIO()
    CsvRowWriter(out, CsvLayout(["ID"], MatchedColumns({}, {}))).write(["1"], ["=1+1", "young"])
    assert is_formula("=1+1")
    assert out.getvalue().strip() == b"1,'=1+1,young"
