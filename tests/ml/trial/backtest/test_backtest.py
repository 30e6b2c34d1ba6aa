"""`python -m ml backtest`: what it says, what it does not look at, and that it leaves nothing behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.csv_reader import read_columns
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.errors import FinalError
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from ml.training.split import is_eval, profile_hashes
from ml.training.transform import training_side
from ml.trial.backtest.backtest import replay
from ml.trial.backtest.result import BacktestResult
from ml.trial.backtest.weeks import draw
from ml.trial.training_side import Customers
from tests.ml.light_world import command

pytestmark = [pytest.mark.usefixtures("libraries"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SETTINGS = resolve(overrides=["train.epochs=2"], environment={})


@pytest.fixture(scope="module")
def small_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.csv"
    write_csv(path, rows=1600, seed=5)
    return path


@pytest.fixture(scope="module")
def customers(small_csv: Path) -> Customers:
    accepted = Accepted(small_csv.parent, "", 1600, small_csv, [], {})
    side = training_side(accepted, schema=seed_schema(), settings=SETTINGS.transform, target=SETTINGS.target)
    return Customers(side, "small.csv", SETTINGS.target)


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN__TRAIN__EPOCHS", "2")


def begun(root: Root, data: Path) -> None:
    """A run whose data were accepted, and which came no further."""
    made = Run(root, "begun", resolve(overrides=[f"data.source={str(data)!r}"], environment={}))
    run_step("ingest", made)
    run_step("validate", made)


@pytest.fixture(scope="module")
def result(libraries: None, customers: Customers) -> BacktestResult:
    return replay(customers, SETTINGS, weeks=3)


def test_the_command_tells_a_row_for_each_policy_and_leaves_the_root_as_it_was(
    root: Root, small_csv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun(root, small_csv)
    before = sha256_tree(root.path)
    code, text = command(root, "backtest", "--weeks", "2")
    assert code == 0
    lines = text.splitlines()
    assert lines[0].startswith("2 weeks replayed on 1,")
    assert "small.csv, run begun" in lines[0]
    rows = [line[:11].strip() for line in lines[lines.index("") + 2 :][:4]]
    assert rows == ["never", "always", "point gate", "this gate"]
    assert "week  1 of 2: trained on" in caplog.text
    assert "s to go" in caplog.text
    assert sha256_tree(root.path) == before


def test_the_table_and_the_json_say_the_same(result: BacktestResult) -> None:
    found, lines = json.loads(json.dumps(result.as_json())), result.as_text().splitlines()
    assert list(found["policies"]) == ["never", "always", "point_gate", "this_gate"]
    for name, policy in found["policies"].items():
        (row,) = (line for line in lines if line.startswith(name.replace("_", " ") + " "))
        promoted, auc, *_ = row[11:].split()
        assert (promoted, auc) == (str(policy["promotions"]), f"{policy['auc']['value']:.4f}")
        worst = policy["worst_week"]
        assert f"{worst['auc']:.4f} ({worst['week']})" in row
        assert worst["auc"] == min(policy["auc_by_week"])
    always = found["policies"]["always"]
    assert (always["serving"], always["promoted_in_weeks"]) == ([1, 2, 3], [2, 3])
    changed = always["names_changed"]
    assert changed["a_promotion"] == changed["total"] / 2 == sum(changed["by_week"]) / 2 > 0
    assert always["auc_against_never"]["low"] < always["auc_against_never"]["high"]
    never = found["policies"]["never"]
    assert never["names_changed"] == {"total": 0, "a_promotion": 0.0, "by_week": [0, 0]}
    assert never["auc_against_never"] == {"value": 0, "low": 0, "high": 0}
    gain = found["this_gate_against"]["always"]["value"]
    assert gain == pytest.approx(found["policies"]["this_gate"]["auc"]["value"] - always["auc"]["value"])
    assert any(line.startswith(f"This gate against always: {gain:+.4f} AUC") for line in lines)


def test_profit_of_each_policy_is_told_where_a_contact_has_a_cost(customers: Customers, result: BacktestResult) -> None:
    assert "Profit" not in result.as_text()
    assert "profit" not in result.as_json()["policies"]["never"]
    prices = ["economics.value=80", "economics.cost=10", "economics.currency=EUR"]
    priced = resolve(overrides=["train.epochs=2", *prices], environment={})
    found = replay(customers, priced, weeks=2)
    policies, lines = found.as_json()["policies"], found.as_text().splitlines()
    at = lines.index("Profit for 1,000 customers, at 10 EUR a contact and 80 EUR a target, contacting above 12.5%:")
    assert lines[at + 1].split() == ["never", f"{policies['never']['profit']['value']:,.0f}", "EUR"]
    gain = policies["always"]["profit_against_never"]["value"]
    assert gain == pytest.approx(policies["always"]["profit"]["value"] - policies["never"]["profit"]["value"])
    assert lines[at + 2].startswith("always")
    assert f"{abs(gain):,.0f} EUR against never (95 %: " in lines[at + 2]


def test_the_same_data_and_settings_give_the_same(customers: Customers, result: BacktestResult) -> None:
    assert replay(customers, SETTINGS, weeks=3).as_json() == result.as_json()


def test_neither_models_nor_policies_see_the_future(customers: Customers, result: BacktestResult) -> None:
    side = customers.side
    future = draw(side, weeks=3, eval_share=0.2, seed=20).is_future
    turned = replace(side, labels=np.where(future, 1 - side.labels, side.labels).astype(np.int8))
    found = replay(replace(customers, side=turned), SETTINGS, weeks=3)
    for now, before in zip(found.policies, result.policies, strict=True):
        assert now.served == before.served
        assert now.changes == before.changes
        assert now.auc.value == pytest.approx(1 - before.auc.value)


def test_those_whom_runs_evaluate_on_do_not_influence_it_and_nothing_is_written(
    root: Root, tmp_path: Path, small_csv: Path
) -> None:
    columns = read_columns(small_csv)
    held = is_eval(profile_hashes(columns, SETTINGS.transform.salt), SETTINGS.transform.eval_share)
    head, *rows = small_csv.read_text().splitlines()
    edited = tmp_path / "edited" / "small.csv"
    edited.parent.mkdir()
    edited.write_text("\n".join([head, *(row for row, out in zip(rows, held, strict=True) if not out), ""]))
    answers = [command(root, "backtest", "--weeks", "2", "--data", str(one), "--json") for one in (small_csv, edited)]
    assert 0 < held.sum() < len(rows)
    assert answers[0] == answers[1]
    assert (answers[0][0], json.loads(answers[0][1])["data"]) == (0, "small.csv")
    assert not list(root.path.iterdir())


def test_training_that_diverges_names_the_week(customers: Customers) -> None:
    watched = replace(customers.side, profiles=np.arange(len(customers.side.labels), dtype=np.uint64))
    with pytest.raises(FinalError, match=r"^In week 1: .* both sides need rows"):
        replay(replace(customers, side=watched), SETTINGS, weeks=2)


def test_too_few_targets_are_an_error_with_a_cure(
    root: Root, tmp_path: Path, small_csv: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few, targets = tmp_path / "few.csv", 0
    head, *rows = small_csv.read_text().splitlines()
    for place, row in enumerate(rows):
        targets += row.endswith(",D")
        rows[place] = row[:-1] + "A" if row.endswith(",D") and targets > 30 else row
    few.write_text("\n".join([head, *rows, ""]))
    assert command(root, "backtest", "--data", str(few)) == (2, "")
    assert "customers of the training side are too few for a backtest: the future would hold " in caplog.text
    assert "Get more data." in caplog.text
    assert not list(root.path.iterdir())


@pytest.mark.parametrize("weeks", ["1", "0", "105"])
def test_a_number_of_weeks_that_makes_no_sense_is_refused_before_anything_runs(
    root: Root, caplog: pytest.LogCaptureFixture, weeks: str
) -> None:
    assert command(root, "backtest", "--weeks", weeks) == (2, "")
    assert f"--weeks {weeks}: must lie in [2, 104]" in caplog.text


def test_without_data_the_cure_names_the_option(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    assert command(root, "backtest") == (2, "")
    assert "--data PATH" in caplog.text
