"""A version is trained again from what is recorded: the same weights bit for bit, or which recorded thing differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ml.config.settings import resolve
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import read_json, sha256_tree, write_json
from ml.storage.root import Root
from tests.ml.audit.test_read_back import kept, made
from tests.ml.light_world import command, stand_in

__all__ = ["kept", "made"]
GONE = "ml/training/" + "gone.py"
SHOWN = "Version 1 was trained again: the same weights bit for bit.\n"


def reproduced(root: Root, *words: str) -> tuple[int, dict[str, Any]]:
    code, said = command(root, "reproduce", *words, "--json")
    return code, json.loads(said) if said else {}


def rewritten(root: Root, **changes: Any) -> None:
    """Change the release record of version 1 as if it had been made with these facts."""
    record = read_json(root.release(1) / "release.json") | changes
    write_json(root.release(1) / "release.json", record)
    plain = [json.loads(line) for line in root.ledger.read_text().splitlines()]
    (root.path / "ledger.head").unlink()
    root.ledger.unlink()
    for event in plain:
        facts = {name: value for name, value in event.items() if name not in ("event", "at", "run_id", "who")}
        facts = {name: value for name, value in facts.items() if name not in ("line", "previous")}
        if event["event"] == "intent":
            facts["record_sha256"] = sha256_tree(root.release(1))
        Ledger(root.ledger).append(event["event"], run_id=event["run_id"], **facts)


def test_the_same_weights_come_out_bit_for_bit(made: Root, tmp_path: Path) -> None:
    before = sha256_tree(made.path)
    code, said = command(made, "reproduce", "1", "--into", str(tmp_path / "again"))
    assert (code, said.startswith(SHOWN)) == (0, True)
    assert "differ by at most 0.0e+00 on the known rows" in said
    assert "nothing that is recorded: code, schema, Python, libraries, processor" in said
    assert (tmp_path / "again" / "train" / "saved_model" / "saved_model.pb").is_file()
    assert sha256_tree(made.path) == before, "nothing else is written"
    assert command(made, "reproduce", "1", "--into", str(tmp_path / "again"))[0] == 2, "it is not empty any more"


def test_it_does_not_need_the_files_of_the_run(kept: Root) -> None:
    shutil.rmtree(kept.runs)
    code, answer = reproduced(kept, "1")
    assert (code, answer["same_weights"], answer["largest_difference"]) == (0, True, 0.0)
    assert (answer["differs"], answer["not_recorded"]) == ([], [])


def test_what_differs_is_named(kept: Root) -> None:
    record = read_json(kept.release(1) / "release.json")
    sources = record["sources"] | {"ml/training/network.py": "0" * 64, GONE: "1" * 64}
    del sources["ml/audit/explain.py"]
    environment = record["environment"] | {"python": "3.10.1"}
    environment["libraries"] = environment["libraries"] | {"keras": "2.0"}
    train = record["settings"]["train"] | {"seed": 77}
    rewritten(kept, sources=sources, environment=environment, settings=record["settings"] | {"train": train})
    code, answer = reproduced(kept, "1")
    assert (code, answer["same_weights"]) == (1, False)
    assert answer["largest_weight_difference"] > 0.001
    assert {*answer["differs"]} >= {
        "code: ml/training/network.py was changed",
        f"code: {GONE} is gone",
        "code: ml/audit/explain.py is new",
    }
    told = " ".join(answer["differs"])
    assert "python: was 3.10.1, is 3." in told
    assert "keras: was 2.0, is " in told
    assert command(kept, "reproduce", "1")[1].startswith("Version 1 was trained again: other weights.\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["second"], "run second became no version"), (["7"], "the ledger knows no such version")],
)
def test_what_cannot_be_made_again_is_an_error(
    made: Root, words: list[str], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert reproduced(made, *words) == (2, {})
    assert expected in " ".join(caplog.messages)


def test_lost_data_a_changed_record_and_a_lost_model_are_named(kept: Root, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(kept.runs)
    away = kept.path / "away"
    for place, expected in (
        (kept.data, "its data (sha256 "),
        (kept.version("customer-model", 1), "The files of version 1 are not kept"),
    ):
        place.rename(away)
        caplog.clear()
        assert reproduced(kept, "1") == (2, {})
        assert expected in " ".join(caplog.messages)
        away.rename(place)
    (kept.release(1) / "replay.json").write_text("{}")
    caplog.clear()
    assert reproduced(kept, "1") == (2, {})
    assert "the release record in" in " ".join(caplog.messages)


def test_settings_that_are_not_recorded_are_named(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    from tests.ml.light_world import released

    with stand_in(root) as settings:
        released(root, settings, "one")
    assert reproduced(root, "1") == (2, {})
    assert "its settings are not recorded (target, transform, train)" in " ".join(caplog.messages)
    assert resolve(environment={}).train.epochs, "the settings of today are no stand-in for them"
