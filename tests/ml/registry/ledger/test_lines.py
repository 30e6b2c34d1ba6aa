"""Lines of the ledger that are not entries: an error with a cure in every command, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml.config.settings import Settings
from ml.registry.ledger.entries import CONFIRMED
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from tests.ml.light_world import command, released

ENTRY: dict[str, Any] = {"event": "intent", "at": "2026-11-23T00:00:00+00:00", "run_id": "r", "who": "w"}
INTENT_ENTRY = ENTRY | {"version": 1, "model_sha256": "m"}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(ENTRY),
        json.dumps(INTENT_ENTRY | {"version": "1"}),
        json.dumps(INTENT_ENTRY | {"version": True}),
        json.dumps(INTENT_ENTRY | {"version": 0}),
        json.dumps(INTENT_ENTRY | {"version": 1 << 63}),
        json.dumps(INTENT_ENTRY | {"model_sha256": 3}),
        json.dumps(INTENT_ENTRY | {"at": "yesterday"}),
        json.dumps(INTENT_ENTRY | {"at": "2026-11-23T00:00:00"}),
        json.dumps(INTENT_ENTRY | {"run_id": ["r"]}),
        json.dumps(INTENT_ENTRY | {"event": {"a": 1}}),
        json.dumps(INTENT_ENTRY | {"reasons": "because"}),
        json.dumps(INTENT_ENTRY | {"reasons": [1]}),
        json.dumps(INTENT_ENTRY | {"metrics": [1]}),
        json.dumps(INTENT_ENTRY | {"metrics": {"AUC": "good"}}),
        json.dumps(INTENT_ENTRY | {"who": None}),
        json.dumps(INTENT_ENTRY | {"rollback_of": "1"}),
        json.dumps(ENTRY | {"event": "confirmed"}),
        json.dumps(ENTRY | {"event": "rollback", "from": 1, "target": 1, "result": 1, "withdraws": {"x": "y"}}),
        json.dumps(ENTRY | {"event": "sealed", "records": {"1": 2}}),
        json.dumps({name: INTENT_ENTRY[name] for name in ("event", "at", "version", "model_sha256")}),
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        '{"event": "intent", "at": ' + "1" * 5000 + "}",
    ],
)
def test_an_entry_that_is_not_one_is_an_error_in_every_command(
    root: Root, settings: Settings, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    released(root, settings, "one")
    root.ledger.write_bytes(root.ledger.read_bytes() + line.encode() + b"\n")
    for arguments in (["status"], ["history"], ["rollback", "--reason", "r"]):
        caplog.clear()
        assert command(root, *arguments) == (2, "")
        assert "ledger.jsonl: line 4 is not an entry" in " ".join(caplog.messages)
        assert "restore the file from a backup" in " ".join(caplog.messages)


def test_an_entry_of_a_newer_version_of_this_code_is_read(root: Root) -> None:
    root.ledger.write_text(json.dumps(ENTRY | {"event": "something new", "more": [1]}) + "\n")
    assert command(root, "history")[0] == 0


def test_a_last_line_without_its_newline_counts(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    whole = root.ledger.read_bytes()
    root.ledger.write_bytes(whole.rstrip(b"\n"))
    ledger = Ledger(root.ledger)
    assert [event["event"] for event in ledger.events()][-1] == CONFIRMED
    ledger.append("rejected", run_id="next")
    assert root.ledger.read_bytes().startswith(whole)
    assert [event["run_id"] for event in ledger.events()][-2:] == ["one", "next"]


def test_what_could_not_be_read_again_is_not_written(root: Root) -> None:
    with pytest.raises(ValueError, match="version is not a version number"):
        Ledger(root.ledger).append("published", run_id="r", version=1 << 63)
    assert not root.ledger.exists()
