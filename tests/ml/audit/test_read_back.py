"""Decisions read back: why a version came about, what it was made of, how two of them differ."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.audit.subject import subject
from ml.cli.commands import main
from ml.config.economics import Economics
from ml.config.settings import Settings, resolve
from ml.errors import DONE, WILL_FAIL_AGAIN
from ml.evaluation.scored_rows import ScoredRows
from ml.pipeline.fingerprint import code_sha256, source_hashes
from ml.pipeline.local_runner import retrain
from ml.registry.intervention.rollback import rollback
from ml.storage.files import write_json
from ml.storage.root import Root
from tests.ml.conftest import QUICK
from tests.ml.light_world import command, do_promote, released, stand_in

SMALL = [*QUICK, "train.epochs=2", "data.source=sample", "data.sample_rows=3000"]


@pytest.fixture(scope="module")
def made(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with version 1, of the sample, a candidate of another seed that was rejected, and a run that failed."""
    root = Root.find(str(tmp_path_factory.mktemp("audit") / "root"))
    seeds = {"first": [], "second": ["train.seed=5", "judge.at_least.AUC=0.999"], "failed": ["data.source=none.csv"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        outcomes = [
            retrain(root, resolve(overrides=[*SMALL, *more], environment={}), run_id=run_id, force=False).outcome
            for run_id, more in seeds.items()
        ]
    assert outcomes == ["promoted", "rejected", "failed"]
    return root


@pytest.fixture
def kept(made: Root, tmp_path: Path) -> Root:
    """A copy, to change."""
    shutil.copytree(made.path, tmp_path / "kept")
    return Root(tmp_path / "kept")


def asked(root: Root, *words: str) -> dict[str, Any]:
    code, said = command(root, *words, "--json")
    assert code == DONE
    answer: dict[str, Any] = json.loads(said)
    return answer


@pytest.mark.parametrize("question", ["explain", "lineage", "verify"])
@pytest.mark.parametrize(
    "text", ["", " ", "..", "../runs/second", "x" * 300, "x" * 5000, "a\nb", "\uff11", "SECOND", "linked"]
)
def test_what_is_no_run_is_told_briefly(kept: Root, question: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (kept.runs / "linked").symlink_to("second")
    assert main([question, text, "--root", str(kept.path)], io.StringIO()) == WILL_FAIL_AGAIN
    assert "the ledger knows no such version, and there is no such run." in " ".join(caplog.messages)
    assert "linked," not in caplog.text
    assert len(" ".join(caplog.messages)) < 250


def test_explain_says_why_a_version_was_promoted(made: Root) -> None:
    said = command(made, "explain", "1")[1].splitlines()
    assert said[0] == "Version 1 was promoted."
    assert any(line.startswith("  because        All thresholds are reached: ") for line in said)
    assert "  trigger        by hand" in said
    assert any("sample:3000 rows" in line and "3,000 rows" in line and line.endswith("kept") for line in said)
    assert [line.split()[0] for line in said if line.split()[0] in ("intent", "published", "confirmed")] == [
        *("intent", "published", "confirmed")
    ]
    assert asked(made, "explain", "first") == asked(made, "explain", "1"), "the run that made it names it, too"


def test_explain_says_why_a_candidate_was_not(made: Root) -> None:
    said = command(made, "explain", "second")[1]
    assert said.startswith("Run second ended as rejected: no version came of it.\n  because        AUC is 0.")
    assert "below the threshold 0.9990" in said
    assert asked(made, "explain", "second")["champion"] == 1


def test_explain_says_why_a_run_failed(made: Root) -> None:
    answer = asked(made, "explain", "failed")
    assert "none.csv" in " ".join(answer["reasons"])
    assert "metrics" in answer["not_recorded"]
    assert answer["trigger"] == "by hand", "by the files of the run, as the ledger has nothing of it"
    assert command(made, "explain", "failed")[1].startswith("Run failed ended as failed: no version came of it.")


@pytest.mark.parametrize("words", [["explain", "9"], ["lineage", "nobody"], ["compare", "1", "../x"], ["explain", ""]])
def test_what_is_unknown_is_an_error_that_names_what_is_known(
    made: Root, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert command(made, *words) == (2, "")
    assert "Versions: 1." in " ".join(caplog.messages)
    assert "second" in " ".join(caplog.messages)


def test_lineage_names_what_a_version_was_made_of(made: Root) -> None:
    answer = asked(made, "lineage", "1")
    assert answer["not_recorded"] == []
    assert answer["damage"] == []
    assert answer["settings"]["train"]["epochs"] == 2
    assert answer["environment"]["libraries"]["tensorflow"].startswith("2.")
    assert "feature" in answer["schema"]
    assert (answer["code_sha256"], answer["code_is_this"]) == (code_sha256(), True)
    record = json.loads((made.release(1) / "release.json").read_text())
    assert record["sources"] == source_hashes()
    said = command(made, "lineage", "1")[1]
    assert "  train settings epochs 2, " in said
    assert "tensorflow 2." in said
    assert "as it is here" in said


def test_lineage_follows_a_rollback_back_to_the_first_version_of_the_bytes(root: Root) -> None:
    with stand_in(root) as settings:
        for name in ("one", "two"):
            released(root, settings, name)
        rollback(root, settings, target=None, reason="complaints")
    answer = asked(root, "lineage", "3")
    assert [step["version"] for step in answer["rollback_of"]] == [1]
    assert command(root, "explain", "3")[1].startswith("Version 3 has the bytes of version 1: somebody went back.")
    assert "complaints" in command(root, "explain", "3")[1]


def test_lineage_says_when_the_files_were_changed(kept: Root) -> None:
    (kept.release(1) / "evaluation.json").write_text("{}")
    assert "DAMAGED        the release record in" in command(kept, "lineage", "1")[1]


@pytest.mark.parametrize("words", [["explain", "1"], ["compare", "1", "second"], ["verify", "1"]])
def test_whoever_reads_a_changed_release_record_is_told(kept: Root, words: list[str]) -> None:
    assert "release record" not in command(kept, *words)[1]
    path = kept.release(1) / "evaluation.json"
    path.write_bytes(path.read_bytes().replace(b"Female", b"female"))
    assert f"the release record in {kept.release(1)} was changed" in command(kept, *words)[1]


@pytest.mark.parametrize("words", [["explain", "second"], ["compare", "second", "1"], ["lineage", "second"]])
@pytest.mark.parametrize("name", ["settings.json", "evaluate/evaluation.json"])
def test_whoever_reads_a_changed_file_of_a_run_is_told(kept: Root, words: list[str], name: str) -> None:
    assert "DAMAGED" not in command(kept, *words)[1]
    path = kept.runs / "second" / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert "DAMAGED" in command(kept, *words)[1]


def test_verify_asks_whose_verdict_it_is(kept: Root) -> None:
    """Numbers that agree with their rows say nothing when both are those of another candidate."""
    assert command(kept, "verify", "second")[0] == DONE
    assert "is what the ledger has of run second" in command(kept, "verify", "second")[1]
    for name in ("verdict.json", "rows.npz"):
        shutil.copyfile(kept.release(1) / name, kept.runs / "second" / "judge" / name)
    code, said = command(kept, "verify", "second")
    assert code != DONE
    assert "verdict.json is the verdict of run first, not of run second" in said
    assert "another model_sha256 than the ledger" in said
    assert command(kept, "verify", str(kept.runs / "second" / "judge"))[0] == DONE, "a directory is nobody's"


def test_verify_finds_a_sentence_that_was_edited(kept: Root) -> None:
    path = kept.runs / "second" / "judge" / "verdict.json"
    path.write_text(path.read_text().replace("below the threshold 0.9990", "above the threshold 0.1000"))
    code, said = command(kept, "verify", "second")
    assert code != DONE
    assert "gives a reason that the ledger does not" in said


def test_an_unchanged_run_says_why_and_has_no_verdict(kept: Root, caplog: pytest.LogCaptureFixture) -> None:
    again = resolve(overrides=[*SMALL, "train.seed=5", "judge.at_least.AUC=0.999"], environment={})
    assert retrain(kept, again, run_id="again", force=False).outcome == "unchanged"
    said = command(kept, "explain", "again")[1]
    assert "  because        Nothing new: " in said
    assert "those of run second" in said
    caplog.clear()
    assert command(kept, "verify", "again")[0] == 2
    assert "Run again ended as unchanged: it came to no verdict." in " ".join(caplog.messages)


def test_what_only_helps_to_weigh_a_verdict_is_no_reason_for_it(kept: Root) -> None:
    answer = asked(kept, "explain", "second")
    assert any(sentence.startswith("Level of this look") for sentence in answer["context"])
    lines = command(kept, "explain", "second")[1].splitlines()
    assert next(line for line in lines if "Level of this look" in line).startswith("  beside that    ")


def test_a_run_id_that_reads_like_a_version_is_refused(made: Root, caplog: pytest.LogCaptureFixture) -> None:
    assert command(made, "retrain", "--run", "2", "--data", "sample")[0] != DONE
    assert "would be taken for a version" in " ".join(caplog.messages)
    assert command(made, "ingest", "--run", "2", "--data", "sample")[0] != DONE
    assert not (made.runs / "2").exists()


def test_explain_says_why_a_version_was_withdrawn(root: Root) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
        do_promote(root, settings, "two")
        rollback(root, settings, target=None, reason="it is slow")
    said = command(root, "explain", "2")[1]
    assert said.startswith("Version 2 was withdrawn: unconfirmed; given up by a rollback: it is slow.")


def test_compare_names_the_settings_that_differ_and_the_metrics(made: Root) -> None:
    answer = asked(made, "compare", "1", "second")
    assert answer["settings"] == {"judge.at_least.AUC": [0.8, 0.999], "train.seed": [20, 5]}
    assert answer["same_rows"] is True
    assert answer["made_of"]["code_sha256"] == [code_sha256(), code_sha256()]
    assert answer["metrics"]["AUC"][0] != answer["metrics"]["AUC"][1]
    assert answer["slices"].keys() >= {"Gender=Male", "Gender=Female"}
    said = command(made, "compare", "1", "second")[1]
    assert "  settings       train.seed: 20 / 5\n" in said
    assert "both were evaluated on the same rows" in said
    assert "Gender=Male" in said


def scored(root: Root, run_id: str, rows: range, score: Any) -> ScoredRows:
    """Put scores beside the verdict of a run, for rows that are known by their numbers; two rows make a profile."""
    numbers = np.array(rows, dtype=np.uint64)
    labels = (numbers % 3 == 0).astype(np.int8)
    probability = score(numbers, labels).astype(np.float32)
    found = ScoredRows(
        numbers, numbers // np.uint64(2), labels, probability, np.empty((0, len(numbers)), np.float32), None, {}
    )
    found.write(root.runs / run_id / "judge" / "rows.npz")
    return found


def test_compare_gives_intervals_on_the_rows_that_both_were_scored_on(kept: Root) -> None:
    def coin(numbers: Any, labels: Any) -> Any:
        return np.random.default_rng(1).random(len(numbers))

    def good(numbers: Any, labels: Any) -> Any:
        return 0.2 + 0.6 * labels + 0.1 * np.random.default_rng(2).random(len(numbers))

    for place in kept.release(1).glob("rows.npz"):
        place.unlink()
    first, second = scored(kept, "first", range(400), coin), scored(kept, "second", range(100, 500), good)
    answer = asked(kept, "compare", "1", "second")["differences"]
    assert answer["AUC"]["rows"] == 300
    assert answer["AUC"]["clusters"] == 150
    assert 0 < answer["AUC"]["lower"] < answer["AUC"]["value"] < answer["AUC"]["upper"] < 1
    hits = [
        (model.candidate[cut] > 0.5) == (model.labels[cut] == 1)
        for model, cut in ((first, slice(100, None)), (second, slice(0, 300)))
    ]
    assert answer["BinaryAccuracy"]["value"] == pytest.approx(hits[1].mean() - hits[0].mean())
    assert "95 % interval +0." in command(kept, "compare", "1", "second")[1]
    back = asked(kept, "compare", "second", "1")["differences"]
    assert back["AUC"]["value"] == pytest.approx(-answer["AUC"]["value"])
    scored(kept, "second", range(1000, 1100), good)
    assert asked(kept, "compare", "1", "second")["differences"] == {}, "no row in common"


def test_compare_gives_no_interval_across_two_splits(kept: Root) -> None:
    for run_id in ("first", "second"):
        scored(kept, run_id, range(100), lambda numbers, labels: labels)
    for place in kept.release(1).glob("rows.npz"):
        place.unlink()
    frozen = kept.runs / "second" / "settings.json"
    settings = json.loads(frozen.read_text())
    settings["transform"]["salt"] = "another"
    write_json(frozen, settings)
    answer = asked(kept, "compare", "1", "second")
    assert (answer["same_rows"], answer["differences"]) == (False, {})
    assert "the metrics are not comparable" in command(kept, "compare", "1", "second")[1]


def test_what_a_hostile_reason_holds_does_not_steer_a_terminal(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    rollback(root, settings, target=None, reason="bad \x1b[2J\nVersion 9 was promoted")
    for words in (["explain", "3"], ["lineage", "3"], ["compare", "1", "3"]):
        said = command(root, *words)[1]
        assert "\x1b" not in said
        assert "\nVersion 9" not in said


@pytest.fixture
def settings(root: Root) -> Any:
    with stand_in(root) as found:
        yield found


def test_rows_that_were_forged_are_seen_in_the_run_too_when_the_release_record_is_gone(kept: Root) -> None:
    shutil.rmtree(kept.release(1))
    assert asked(kept, "explain", "1")["damage"] == []
    place = kept.run("first") / "judge" / "rows.npz"
    rows = ScoredRows.read(place)
    rows.candidate[:] = rows.labels
    rows.write(place)
    (damage,) = asked(kept, "explain", "1")["damage"]
    assert damage.endswith("the files of step 'judge' were changed since it finished.")


def test_what_a_contact_costs_is_recorded_with_the_version(root: Root) -> None:
    prices = Economics(value=80.0, cost=10.0, budget=0.0, currency="EUR")
    with stand_in(root) as settings:
        released(root, settings, "one")
        released(root, dataclasses.replace(settings, economics=prices), "two")
        rollback(root, settings, target=1, reason="complaints")
    assert [subject(root, number).economics for number in "123"] == [None, prices, None]
