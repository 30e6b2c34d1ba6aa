"""`python -m ml status`: whether the champion serves is what a server says, and not the ledger."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, date, datetime

import pytest

from ml.cli.status import status
from ml.cli.status_text import rollback_text, status_text
from ml.config.settings import Settings, resolve
from ml.drift.finding import DRIFT, Finding
from ml.drift.last_checks import Check, keep_check
from ml.registry.endpoint import server_url
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.ledger import Ledger
from ml.storage.process_table import start_time
from ml.storage.root import Root
from tests.ml.light_world import MODEL, do_promote, released, stand_in


def first_line(root: Root, settings: Settings) -> str:
    return status_text(status(root, settings)).splitlines()[0]


@pytest.fixture
def nobody() -> Settings:
    return resolve(environment={})


def test_without_a_server_a_version_is_published_and_serves_nobody(root: Root, nobody: Settings) -> None:
    assert first_line(root, nobody) == f"{MODEL}: no version confirmed yet in {root.path}."
    missing = Root(root.path / "typo")
    assert first_line(missing, nobody).endswith("/typo, which does not exist.")
    with stand_in(root) as settings:
        released(root, settings, "one")
    assert first_line(root, nobody).startswith(f"{MODEL}: version 1 is published; no server is configured (since 20")


def test_a_server_that_is_named_says_what_serves(root: Root) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
        url = settings.serving.url
        assert first_line(root, settings).endswith(f" at {url}")
        assert first_line(root, settings).startswith(f"{MODEL}: version 1 serves since ")
        do_promote(root, settings, "two")
        assert f"version 1 is published; the server at {url} serves version 2" in first_line(root, settings)
        for number in (1, 2):
            (root.version(MODEL, number) / "broken").write_text("yes")
        assert f"the server at {url} has no version of this model to serve" in first_line(root, settings)
    answer = status(root, settings)
    assert f"version 1 is published; no server answers at {url}" in status_text(answer)
    assert (answer["server_url"], answer["served_version"]) == (url, None)


def test_the_server_of_make_up_is_the_one_that_is_asked_while_it_lives(root: Root, nobody: Settings) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
        port = int(settings.serving.url.rpartition(":")[2])
        ours = {"name": "model-server", "pid": os.getpid(), "started": start_time(os.getpid())}
        record = root.path / "up.json"
        record.write_text(json.dumps({"processes": [ours], "ui_port": 1, "serving_port": port}))
        assert server_url(root, nobody) == settings.serving.url
        assert "version 1 serves since" in first_line(root, nobody)
        assert server_url(root, resolve(overrides=["serving.url='http://other:1'"], environment={})) == "http://other:1"
        for gone in (ours | {"started": 1}, ours | {"name": "airflow scheduler"}):
            record.write_text(json.dumps({"processes": [gone], "ui_port": 1, "serving_port": port}))
            assert server_url(root, nobody) == ""
        for damaged in ("", "[]", '{"processes": [{}]}', '{"processes": [], "serving_port": "x"}'):
            record.write_text(damaged)
            assert server_url(root, nobody) == ""


def test_the_server_is_told_in_words_and_the_probation_too(root: Root) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
        url = settings.serving.url
        text = status_text(status(root, settings))
        assert f"\n  server    {url}: version 1 AVAILABLE" in text
        assert "\n  probation on probation until 20" in text
        Ledger(root.ledger).append("probation", run_id="p", version=1, outcome="breached", reason="It errs.")
        assert "\n  probation broke its probation: It errs." in status_text(status(root, settings))
        Ledger(root.ledger).append("probation", run_id="p", version=1, outcome="passed", reason="")
    none = resolve(overrides=["probation.hours=0"], environment={})
    assert status(root, none)["probation"] is None
    assert "probation" not in status_text(status(root, none))


def test_a_rollback_says_who_has_checked_it(root: Root, nobody: Settings) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
        released(root, settings, "two")
        version = rollback(root, settings, target=None, reason="r")
        assert rollback_text(version, status(root, settings)) == "Version 3 now serves the bytes of version 1."
    said = rollback_text(version, status(root, nobody))
    assert said.startswith("Version 3 is published with the bytes of version 1. No server is configured")
    assert "a private server checked it" in said


def test_status_says_that_a_version_is_a_sample(root: Root, nobody: Settings) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
    assert "SAMPLE" not in status_text(status(root, nobody))
    content = root.ledger.read_text().replace('"data_sha256"', '"source": "sample:8 rows, seed 3", "data_sha256"')
    root.ledger.write_text(content)
    assert Ledger(root.ledger).champion() is not None
    assert "\n  SAMPLE    trained on made-up customers" in status_text(status(root, nobody))


def test_a_port_that_another_program_has_is_no_model_server(root: Root) -> None:
    with stand_in(root) as settings:
        released(root, settings, "one")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        silent = resolve(overrides=[f"serving.url={url!r}"], environment={})
        assert f"no server answers at {url}" in first_line(root, silent)


def test_the_last_look_at_the_traffic_of_the_version_that_serves_is_told(root: Root) -> None:
    day, now = date(2026, 11, 29), datetime(2026, 11, 29, 6, tzinfo=UTC)
    drifted = Check(day, now, 1, findings=(Finding(DRIFT, "Age", "Older."),))
    with stand_in(root) as settings:
        assert status(root, settings)["traffic"] is None
        released(root, settings, "one")
        assert "  traffic" not in status_text(status(root, settings))
        for look, said in (
            (drifted, "drift: Age (found on 2026-11-29; python -m ml monitor says more)"),
            (Check(day, now, 1, customers=12), "not known (looked at on 2026-11-29, 12 customers)"),
            (
                Check(day, now, 1, customers=3000, distances={"Age": 0.0}),
                "as in the training data (looked at on 2026-11-29, 3,000 customers)",
            ),
        ):
            keep_check(root, look)
            assert f"\n  traffic   {said}" in status_text(status(root, settings))
        keep_check(root, Check(day, now, 2))
        assert status(root, settings)["traffic"] is None
