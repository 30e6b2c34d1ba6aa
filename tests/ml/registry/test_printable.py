"""Other people's texts: reasons and names of files cannot steer a terminal or forge a line."""

from __future__ import annotations

import json
import logging

import pytest

from ml.cli.status import as_json
from ml.config.settings import Settings
from ml.errors import SettingsError
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import CONFIRMED
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from tests.ml.light_world import command, do_promote, released

FORGED = "ok\n2026-11-23T00:00:00+00:00  confirmed     9  forged \x1b[2K\x9b31m\u202e\r"


def test_a_reason_cannot_forge_a_line(root: Root, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("one", "two"):
        released(root, settings, text)
    do_promote(root, settings, "pending")
    rollback(root, settings, target=None, reason=FORGED)
    rollback(root, settings, target=1, reason=FORGED)
    for name in ("history", "status"):
        text = command(root, name)[1]
        assert not set("\x1b\x9b\u202e\r") & set(text)
        assert not [line for line in text.splitlines() if line.startswith("2026-11-23")]
    assert "\\x1b[2K" in command(root, "history", "--long")[1]
    answer = as_json(Ledger(root.ledger).events())
    assert not set("\x1b\x9b\u202e\r") & set(answer)
    assert json.loads(answer)[-1]["event"] == CONFIRMED
    assert any(FORGED in json.dumps(event, ensure_ascii=False) or event.get("reason") == FORGED
               for event in json.loads(answer))  # fmt: skip


def test_a_log_line_cannot_be_forged(root: Root, settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "pending")
    logging.getLogger().handlers.clear()
    assert command(root, "rollback", "--reason", FORGED, "--serving-url", settings.serving.url)[0] == 0
    said = capfd.readouterr().err
    assert "\\x1b[2K" in said
    assert not set("\x1b\x9b\u202e\r") & set(said)


def test_names_of_files_are_printable_in_errors(root: Root) -> None:
    root.inbox.mkdir()
    (root.inbox / "evil\n\x1b[31m.csv").touch()
    with pytest.raises(SettingsError) as error:
        root.inbox_entry("x")
    assert "evil\\n\\x1b[31m.csv" in str(error.value)
