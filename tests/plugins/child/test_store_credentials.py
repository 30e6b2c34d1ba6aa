"""Of the variables of a store a step sees those that a setting lists; no log and no file has a secret of them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.log import redact  # type: ignore[attr-defined]

from ml.pipeline.step_names import STEPS
from retraining.child.store_credentials import READ_DATA
from retraining.step_operator import StepOperator

KEY, SECRET, TOKEN = "AKIA-OF-THE-TESTS", "secret-of-the-tests", "token-of-the-tests"
LISTED = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "GOOGLE_APPLICATION_CREDENTIALS"]


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN__BEAM__ENVIRONMENT", json.dumps(LISTED))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)  # which nobody has listed
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/etc/service-account.json")


def test_steps_that_read_data_see_what_is_listed_and_others_nothing(task: Any, root: Path) -> None:
    place = root / "environment.json"
    for step in STEPS:
        task(step, environment=str(place)).run()
        found = {name for name in json.loads(place.read_text()) if name.startswith(("AWS_", "GOOGLE_"))}
        assert found == (set(LISTED) if step in READ_DATA else set()), step


def test_secrets_are_masked_and_regions_and_paths_are_not(task: Any, root: Path) -> None:
    task("validate").run()
    said = str(redact(f"{KEY} {SECRET} eu-central-1 /etc/service-account.json"))
    assert KEY not in said
    assert SECRET not in said
    assert said.endswith("eu-central-1 /etc/service-account.json")


def test_no_secret_is_in_a_command_line_or_a_file_of_the_run(
    task: Any, root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StepOperator, "log", logging.getLogger("step"))
    caplog.set_level(logging.INFO)
    task("ingest").run()
    assert "-m ml ingest --run" in caplog.text
    assert SECRET not in caplog.text
    (result,) = root.glob("runs/*/results/ingest.json")
    assert result.is_file()
    for path in root.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
