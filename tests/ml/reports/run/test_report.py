"""The page about a run says what the run came to, for every kind of run, and never changes it."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import os
import re
import shlex
from pathlib import Path

import pytest

from ml.cli.commands import COMMANDS, main
from ml.cli.options import parser
from ml.config.settings import resolve
from ml.errors import FinalError
from ml.monitoring.run_collector import collect_runs
from ml.monitoring.state_collectors import Sample
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS
from ml.reports.data import drawn_rows
from ml.reports.look.kept_pages import MOST_PAGES
from ml.reports.run import report
from ml.reports.run.deciding_plot import signed
from ml.reports.run.report import try_report, write_report
from ml.storage.files import read_json, write_json
from ml.storage.root import Root
from tests.ml.conftest import settings_for

MOST_BYTES = 1_500_000


def text_of(page: Path) -> str:
    """What a reader sees, without tags, in one line."""
    without_styles = re.sub(r"<style>.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", without_styles)).split())


def failed_run(root: Root, run_id: str = "lost", what: str = "No credentials.") -> Path:
    """A run that has left nothing but the failure of its first step."""
    directory = root.run(run_id)
    (directory / "results").mkdir(parents=True)
    error = {"type": "FinalError", "what": what, "cure": "Put them there.", "retry": False}
    result = {"step": "ingest", "run_id": run_id, "outcome": "failed", "artifact": None, "error": error}
    write_json(directory / "results" / "ingest.json", result | {"seconds": 0.1})
    return directory


def test_a_promoted_run(first_run: tuple[Root, RetrainResult], promoted_root: Root) -> None:
    page = write_report(promoted_root, "first")
    assert page == promoted_root.report("first")
    text, source = text_of(page), page.read_text()
    assert "promoted The candidate became version 1." in text
    for sentence in first_run[1].reasons:
        assert sentence in text
    for heading in ("Thresholds", "Data", "ROC", "Calibration", "Lift by tenth", "AUC by group", "Loss by epoch"):
        assert heading in text
    assert str(first_run[1].data_sha256) in text
    assert "python -m ml reproduce 1" in text
    assert not re.search(r"<script|<link|<img|https?://(?!www\.w3\.org)|@import", source)
    ids = re.findall(r' id="([^"]+)"', source)
    assert len(ids) == len(set(ids))
    assert page.stat().st_size < MOST_BYTES


def test_of_a_huge_file_some_rows_are_drawn_and_the_page_says_which(
    promoted_root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = text_of(write_report(promoted_root, "first"))
    csv = promoted_root.run("first") / "ingest" / "data.csv"
    monkeypatch.setattr(drawn_rows, "DRAWN_BYTES", csv.stat().st_size // 3)
    text = text_of(write_report(promoted_root, "first"))
    rows = f"{RunRecord.read(promoted_root.run('first')).artifact('ingest')['rows']:,} rows."
    assert rows in whole
    assert rows in text
    assert "One of 4 rows was read for the tables and drawings." in text
    assert "rows was read" not in whole


def test_money_is_a_section_where_somebody_has_set_it(promoted_root: Root) -> None:
    assert "Money" not in text_of(write_report(promoted_root, "first"))
    settings = read_json(promoted_root.run("first") / "settings.json")
    settings["economics"] = {"value": 80.0, "cost": 10.0, "budget": 0.0, "currency": "EUR"}
    write_json(promoted_root.run("first") / "settings.json", settings)
    text = text_of(write_report(promoted_root, "first"))
    assert "contact whoever's probability is above 12.5%, where 80 EUR for a reached target is worth the 10 EUR" in text
    assert re.search(
        r"Candidate: [\d,]+ EUR for 1,000 customers \([\d,]+ EUR to [\d,]+ EUR\), contacting \d+\.\d%", text
    )
    assert "profit for 1,000 customers (EUR)" in text


def test_the_command_on_the_page_makes_a_run_with_the_same_settings(promoted_root: Root, tmp_path: Path) -> None:
    run = promoted_root.run("first")
    settings = resolve(
        overrides=["train.seed=7", 'target.positive_segments=["A","B"]', "data.source=a b's.csv"], environment={}
    )
    write_json(run / "settings.json", dataclasses.asdict(settings))
    said = re.search(r"<pre[^>]*>(python -m ml retrain.*)", write_report(promoted_root, "first").read_text())
    assert said
    words = shlex.split(html.unescape(said[1]))[3:]
    options = parser(dict.fromkeys((*COMMANDS, *STEPS), lambda _: (0, ""))).parse_args(words)
    again = resolve(overrides=[*options.overrides, f"data.source={options.data}"], environment={})
    assert again == settings


@pytest.fixture
def compared_root(promoted_root: Root, customers_csv: Path) -> Root:
    """A root with a second run beside the champion, whose verdict has paired evidence."""
    retrain(promoted_root, settings_for(customers_csv, "train.seed=7"), run_id="second", force=False)
    return promoted_root


def test_a_run_beside_a_champion_shows_every_difference_and_what_changed(compared_root: Root) -> None:
    text = text_of(write_report(compared_root, "second"))
    verdict = read_json(compared_root.run("second") / "judge" / "verdict.json")
    for of in (*verdict["evidence"]["differences"].values(), verdict["evidence"]["anchor"]):
        assert f"{signed(of['gain'])} {signed(of['lower'])}" in text
    assert "AUC: better than version 1?" in text
    assert "margin \u22120.005" in text
    assert re.search(r"train\.seed 20 7", text)
    list_of = verdict["evidence"]["list_change"]
    sides = f"Against version 1, {list_of['change_side'] / list_of['rows']:.1%} of".replace("%", " %")
    assert text.count(f"{sides} {list_of['rows']:,} customers change side; the best 500 change by") == 2
    assert "In the drawings blue is the data of this run, grey the data of version 1." in text
    for of in verdict["evidence"]["slices"]:
        assert f"{of['column']} = {of['group']}" in text


def test_a_blocked_run_shows_findings_and_the_cure(promoted_root: Root, customers_csv: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(customers_csv.read_text().replace(",Artist,", ",</svg><script>alert(1)</script>,"))
    result = retrain(promoted_root, settings_for(bad), run_id="bad", force=False)
    assert result.outcome == "blocked"
    page = write_report(promoted_root, "bad")
    text = text_of(page)
    assert "blocked The data were refused, so nothing was trained; version 1 stays." in text
    assert "What to do: Fix the source." in text
    assert "values that the schema does not know" in text
    assert "ROC" not in text
    assert "<script" not in page.read_text()
    assert "&lt;script&gt;alert(1)" in page.read_text()


def test_a_run_without_any_artifact(root: Root) -> None:
    failed_run(root)
    text = text_of(write_report(root, "lost"))
    assert "failed The step ingest failed, so the run ended without a verdict; there is still no version." in text
    assert "No credentials. What to do: Put them there." in text


def test_a_run_that_was_killed(root: Root) -> None:
    directory = failed_run(root)
    (directory / "results" / "ingest.json").unlink()
    assert "The run was stopped or killed before its first step had ended" in text_of(write_report(root, "lost"))


def test_a_damaged_part_says_so_and_the_rest_is_there(promoted_root: Root) -> None:
    (promoted_root.run("first") / "evaluate" / "rows.npz").write_bytes(b"no rows")
    (promoted_root.run("first") / "train" / "history.json").write_text('[{"number": 1}]')
    text = text_of(write_report(promoted_root, "first"))
    assert text.count("This part cannot be drawn") == 3  # model, slices, training
    assert "The candidate became version 1." in text
    assert "Family_Size" in text


def test_an_unknown_run_is_named(root: Root) -> None:
    with pytest.raises(FinalError, match="There is no run nobody"):
        write_report(root, "nobody")
    with pytest.raises(FinalError, match="cannot become a directory"):
        write_report(root, "../out")


def test_a_page_that_cannot_be_written_is_counted_and_raises_nothing(root: Root) -> None:
    def failures() -> float:
        samples = [one for one in collect_runs(root) if isinstance(one, Sample)]
        return next(one.value for one in samples if one.name == "retrain_report_failures_total")

    failed_run(root)
    assert try_report(root, "lost") is not None
    assert failures() == 0
    (root.reports / "runs").rename(root.path / "aside")
    (root.reports / "runs").write_text("in the way")
    assert try_report(root, "lost") is None
    assert try_report(root, "nobody") is None
    assert failures() == 2
    assert json.loads(root.report_failures.read_text().splitlines()[0])["run_id"] == "lost"


def test_the_newest_pages_are_kept(root: Root) -> None:
    failed_run(root)
    place = root.report("lost").parent
    place.mkdir(parents=True)
    for number in range(MOST_PAGES + 3):
        (place / f"r{number}.html").touch()
        os.utime(place / f"r{number}.html", (number, number))
    write_report(root, "lost")
    kept = {page.name for page in place.iterdir()}
    assert len(kept) == MOST_PAGES
    assert "lost.html" in kept
    assert "r0.html" not in kept


@pytest.mark.parametrize("is_in_the_way", [False, True])
def test_retrain_writes_the_page_and_its_failure_changes_no_outcome(
    is_in_the_way: bool, root: Root, tmp_path: Path
) -> None:
    if is_in_the_way:
        root.reports.write_text("a file where the directory should be")
    answer = io.StringIO()
    words = ["retrain", "--root", str(root.path), "--run", "lost", "--data", str(tmp_path / "missing.csv")]
    assert main(words, answer) == 2
    assert "FAILED (run lost)" in answer.getvalue()
    assert (f"Report: {root.report('lost')}" in answer.getvalue()) is not is_in_the_way
    assert root.report("lost").is_file() is not is_in_the_way


def test_the_command_prints_the_path(root: Root) -> None:
    failed_run(root)
    answer = io.StringIO()
    assert main(["report", "lost", "--root", str(root.path)], answer) == 0
    assert answer.getvalue() == f"{report.write_report(root, 'lost')}\n"
