"""A kept candidate that is better on fresh outcomes becomes the next version; one that is not does not."""

from __future__ import annotations

import json
import shutil
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ml.data.features import FEATURES
from ml.data.outcomes.outcome_rows import OutcomeRow, write_outcome_rows
from ml.evaluation.rows.evaluation_rows import raw_features
from ml.pipeline.local_runner import RetrainResult, retrain
from ml.pipeline.run_record import RunRecord
from ml.registry.ledger.entries import CHALLENGED, LOOKED
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.retention import retention_plan
from ml.storage import run_order
from ml.storage.files import json_object
from ml.storage.root import Root
from serving.models.saved_model import load
from tests.ml.challenge.world import World, as_the_challenger_says, customers
from tests.ml.conftest import settings_of
from tests.ml.light_world import command

pytestmark = pytest.mark.usefixtures("libraries")
LISTED = 1500


@pytest.fixture(scope="module")
def kept_root(
    first_run: tuple[Root, RetrainResult], customers_csv: Path, tmp_path_factory: pytest.TempPathFactory
) -> Root:
    """Version 1, and a candidate of another seed that was found equal to it."""
    root = Root(tmp_path_factory.mktemp("kept") / "root")
    shutil.copytree(first_run[0].path, root.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert retrain(root, settings_of(customers_csv, "train.seed=21"), run_id="equal", force=False).outcome == "kept"
    return root


@pytest.fixture
def world(kept_root: Root, tmp_path: Path) -> World:
    root = Root(tmp_path / "root")
    shutil.copytree(kept_root.path, root.path)
    return World(root)


def evaluated_rows(world: World) -> int:
    return int(json_object(world.root.run("equal") / "evaluate" / "evaluation.json")["rows"])


def outcomes(world: World, *, better: bool, seed: int = 1, count: int = LISTED, request: str = "list") -> None:
    """A list of customers who were asked, with all that came of them: the challenger is right, or the champion is."""
    random = np.random.default_rng(seed)
    features = customers(count, seed=1000 + seed)
    ours, theirs = (model.expected(features) for model in world.models)
    is_above = random.random(count) < 0.5
    asked = np.flatnonzero(random.random(count) < np.where(is_above, 0.9, 0.6)).tolist()
    groups = np.where(is_above | ~np.isin(np.arange(count), asked), "", "explored").tolist()
    world.list_of(request, features, np.where(is_above, 1.0, 0.6).tolist(), groups=groups)
    right = as_the_challenger_says(ours, theirs, random) if better else as_the_challenger_says(theirs, ours, random)
    world.tell(request, {place: bool(right[place]) for place in asked})


def test_without_outcomes_nobody_challenges_and_the_levels_of_looks_stay(world: World) -> None:
    answer = world.check()
    assert answer["challengers"] == []
    assert [e for e in Ledger(world.root.ledger).events() if e["event"] == CHALLENGED] == []
    code, text = command(world.root, "challenge")
    assert (code, "Nobody challenges version 1 yet" in text) == (0, True)


def test_a_challenger_that_is_right_becomes_the_next_version_and_everything_is_told(world: World) -> None:
    outcomes(world, better=True)
    code, text = command(world.root, "challenge")
    assert (code, "has not won" in text, "0 customers" in text) == (0, True, True), "the list is open"
    world.check()
    code, text = command(world.root, "challenge")
    assert code == 0
    assert "The kept candidate of run equal has won against version 1" in text
    assert "python -m ml challenge --promote" in text
    features = customers(20, seed=5)
    before = load(world.root.version("customer-model", 1)).run(features)["probability"].reshape(-1)
    assert Ledger(world.root.ledger).champion().number == 1, "only --promote promotes"  # type: ignore[union-attr]

    code, text = command(world.root, "challenge", "--promote")
    assert code == 0
    assert "ended as promoted" in text
    ledger = Ledger(world.root.ledger)
    champion = ledger.champion()
    assert champion is not None
    kept = next(e for e in ledger.events() if e["event"] == "kept")
    assert (champion.number, champion.intent["model_sha256"]) == (2, kept["model_sha256"])
    assert champion.intent["decision"] == "better"
    assert champion.intent["codes"] == ["fresh_outcomes", "thresholds_reached"]
    made_of = ("data_sha256", "settings_sha256", "code_sha256", "fingerprint", "recipe", "holdout", "rows")
    assert {name: champion.intent[name] for name in made_of} == {name: kept[name] for name in made_of}

    served = load(world.root.version("customer-model", 2))
    assert served.run(features)["probability"].reshape(-1) == pytest.approx(
        load(world.root.run("equal") / "train" / "saved_model").run(features)["probability"].reshape(-1)
    )
    assert served.run(features)["probability"].reshape(-1) != pytest.approx(before, abs=1e-3)
    names = {path.name for path in world.root.release(2).iterdir()}
    assert names == {path.name for path in world.root.release(1).iterdir()}

    run = champion.run_id
    for asked in ("2", run, str(world.root.release(2))):
        assert command(world.root, "verify", asked)[0] == 0, asked
    assert command(world.root, "ledger", "verify")[0] == 0
    assert (
        "customers whose outcome became known and whom neither model had seen" in command(world.root, "explain", "2")[1]
    )
    assert "Bets that it predicts better than version 1" in command(world.root, "history", "--long")[1]
    assert command(world.root, "report", run)[0] == 0
    assert RunRecord.read(world.root.run(run)).artifact("transform")["eval_rows"] == evaluated_rows(world)
    assert "Version 2 is on probation until" in command(world.root, "probation")[1]
    assert command(world.root, "card", "2")[0] == 0
    code, text = command(world.root, "challenge", "--promote")
    assert (code, "no candidate was found equal to version 2" in text) == (0, True)


def test_a_command_that_was_stopped_before_a_server_confirmed_goes_on_with_the_same_version(world: World) -> None:
    outcomes(world, better=True)
    world.check()
    nobody = ("--serving-url", "http://127.0.0.1:9", "--set", "confirm.deadline_seconds=0.2")
    assert command(world.root, "challenge", "--promote", *nobody)[0] != 0
    assert [version.number for version in Ledger(world.root.ledger).pending()] == [2]
    assert "ended as promoted" in command(world.root, "challenge", "--promote")[1]
    events = Ledger(world.root.ledger).events()
    assert [e["version"] for e in events if e["event"] == "intent"] == [1, 2]
    assert sum(e["event"] == CHALLENGED for e in events) == 1
    assert command(world.root, "ledger", "verify")[0] == 0


def test_it_is_one_look_and_takes_from_the_looks_that_follow(world: World, customers_csv: Path) -> None:
    outcomes(world, better=False, count=40)
    for _ in range(3):
        world.check()
    events = Ledger(world.root.ledger).events()
    begun = [e for e in events if e["event"] == CHALLENGED]
    assert [(e["champion"], e["of_run"], e["alpha"]) for e in begun] == [(1, "equal", 0.5 / 52)]
    looks = sum(e["event"] == LOOKED for e in events)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        retrain(world.root, settings_of(customers_csv, "train.seed=22"), run_id="next", force=False)
    verdict = json_object(world.root.run("next") / "judge" / "verdict.json")
    assert verdict["evidence"]["level"]["look"] == (1.0 - 0.5 / 52) / 52
    assert verdict["look"]["looks_last_year"] == looks + 1
    assert command(world.root, "verify", "next")[0] == 0


def test_the_same_customers_are_bet_on_once_whatever_was_killed(world: World) -> None:
    outcomes(world, better=False)
    first = world.check()
    assert first["challengers"][0]["n"] > 200
    assert world.check()["challengers"] == first["challengers"]
    world.root.challenge.unlink()  # killed after the ledger's entry, and before the file
    assert world.check()["challengers"] == first["challengers"]
    outcomes(world, better=False, seed=2, request="another")
    second = world.check()["challengers"][0]
    assert second["lists"][:1] == first["challengers"][0]["lists"]
    assert second["n"] > first["challengers"][0]["n"]
    world.root.challenge.unlink()
    assert world.check()["challengers"][0]["wealth"] == second["wealth"]


def test_a_customer_who_was_erased_leaves_the_wealth_as_it_was(world: World) -> None:
    outcomes(world, better=False)
    before = world.check()["challengers"][0]
    shutil.rmtree(world.directories.record)
    after = world.check()["challengers"][0]
    assert (after["wealth"], after["n"], after["lists"]) == (before["wealth"], before["n"], before["lists"])
    assert "list-0" not in world.root.challenge.read_text()
    assert world.root.challenge.stat().st_mode & 0o077 == 0


def test_a_loser_never_wins_and_is_not_promoted(world: World) -> None:
    outcomes(world, better=False)
    world.check()
    code, text = command(world.root, "challenge", "--promote")
    assert (code, "has not won" in text) == (0, True)
    assert Ledger(world.root.ledger).champion().number == 1  # type: ignore[union-attr]


def test_few_customers_never_win(world: World) -> None:
    outcomes(world, better=True, count=150)
    assert world.check()["challengers"][0]["won"] is False


def test_neither_training_data_nor_control_group_nor_lists_without_a_chance_for_all_count(world: World) -> None:
    new = customers(30, seed=77)
    world.list_of("control", new, [0.5] * 30, {"group": "control"})
    world.tell("control", dict.fromkeys(range(30), True))
    world.list_of("no-chance", new, [0.5] * 29 + [0.0])
    world.tell("no-chance", dict.fromkeys(range(29), True))
    world.list_of("before", new, [0.5] * 30, {"time": "2020-01-01T00:00:00.000000+00:00"})
    world.tell("before", dict.fromkeys(range(30), True))
    parquet = world.root.run("first") / "transform" / "train.parquet"
    seen = {name: column[:40] for name, column in next(raw_features(parquet)).items()}
    world.list_of("seen", seen, [0.5] * len(seen["Age"]))
    world.tell("seen", dict.fromkeys(range(len(seen["Age"])), True))
    assert world.check()["challengers"] == []
    world.list_of("new", new, [0.5] * 30)
    world.tell("new", dict.fromkeys(range(30), True))
    assert 0 < world.check()["challengers"][0]["n"] <= 30


def test_whose_outcome_one_of_the_models_was_trained_on_does_not_count_again(world: World) -> None:
    new = customers(12, seed=78)
    columns = {name: ["" if value != value else str(value) for value in new[name].tolist()] for name in FEATURES}
    about = ("D", "2026-01-01", "1", "earlier", 1, None)
    rows = [OutcomeRow(name, {f: columns[f][place] for f in FEATURES}, *about) for name, place in (("7", 0), ("8", 1))]
    write_outcome_rows(rows, world.root.run("equal") / "ingest" / "outcomes.csv")
    world.list_of("same-features", {name: column[:1] for name, column in new.items()}, [0.5])
    world.tell("same-features", {0: True})
    world.list_of("other-features", {name: column[2:] for name, column in new.items()}, [0.5] * 10, {"customer": "8.0"})
    world.tell("other-features", dict.fromkeys(range(10), True))
    assert world.check()["challengers"] == []
    world.list_of("somebody-else", {name: column[2:] for name, column in new.items()}, [0.5] * 10)
    world.tell("somebody-else", dict.fromkeys(range(10), True))
    assert world.check()["challengers"][0]["n"] >= 5, "but for twins in the file"


def test_a_switch_or_a_higher_threshold_stops_it_as_it_stops_every_candidate(world: World) -> None:
    outcomes(world, better=True)
    world.check()
    text = command(world.root, "challenge", "--promote", "--set", "promote.enabled=false")[1]
    assert "ended as withheld" in text
    assert Ledger(world.root.ledger).champion().number == 1  # type: ignore[union-attr]
    text = command(world.root, "challenge", "--promote", "--set", "judge.at_least.AUC=0.99")[1]
    assert "ended as rejected" in text
    assert "that run ended as rejected, and other winners come first" in command(world.root, "challenge")[1]
    text = command(world.root, "challenge", "--promote", "--set", "gate.approval=always")[1]
    assert "ended as waiting" in text
    run = next(e["run_id"] for e in Ledger(world.root.ledger).events() if e["event"] == "waiting")
    assert command(world.root, "approve", run, "--reason", "they asked for it")[0] == 0
    assert Ledger(world.root.ledger).champion().number == 2  # type: ignore[union-attr]


def test_a_verdict_with_other_bets_does_not_verify(world: World) -> None:
    outcomes(world, better=True)
    world.check()
    command(world.root, "challenge", "--promote")
    path = world.root.run(Ledger(world.root.ledger).champion().run_id) / "judge" / "verdict.json"  # type: ignore[union-attr]
    report = json.loads(path.read_text())
    report["fresh_outcomes"]["weighed"][0][0] += 0.01
    path.write_text(json.dumps(report))
    assert command(world.root, "verify", str(path))[0] != 0


def test_a_winner_whose_run_was_changed_is_named_and_not_promoted(world: World) -> None:
    outcomes(world, better=True)
    world.check()
    with (world.root.run("equal") / "ingest" / "data.csv").open("a") as file:
        file.write("\n")
    code, text = command(world.root, "challenge", "--promote")
    assert code == 0
    assert "It is not followed any more" in text
    assert "were changed since it finished" in text
    assert Ledger(world.root.ledger).champion().number == 1  # type: ignore[union-attr]


def test_the_files_of_a_followed_challenger_stay(world: World) -> None:
    def goes() -> set[str]:
        with locked_registry(world.root, world.settings, who="test") as registry:
            plan = retention_plan(registry, settings_of(Path("x.csv"), "keep.runs=1"), now=datetime.now(UTC))
        return {one.path.name for one in plan}

    later = world.root.runs / "later"
    later.mkdir()
    run_order.begin(later)
    assert {"first", "equal"} <= goes()
    outcomes(world, better=False, count=20)
    world.check()
    assert "first" in goes()
    assert "equal" not in goes()
