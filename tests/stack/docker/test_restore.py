"""Back from a backup: in place, and on a new machine."""

from __future__ import annotations

import shutil

import pytest

from ml.pipeline.step_names import STEPS
from tests.stack.docker.containers import Containers, eventually
from tests.stack.docker.listener import NEWS


def test_a_restore_brings_back_what_a_backup_saved(stack: Containers, first_run: str) -> None:
    backup = stack.directory / "backup"
    before = stack.history()
    stack.run("stack/compose/backup.sh", backup)
    stack.compose("exec", "-T", "airflow-scheduler", "bash", "-c", 'rm -rf "$RETRAIN_ROOT"/{ledger.jsonl,models/*}')
    stack.compose("exec", "-T", "postgres", "psql", "-qU", "airflow", "-c", "DELETE FROM task_instance")
    assert stack.tasks(first_run) == {}
    stack.run("stack/compose/restore.sh", backup)
    eventually(lambda: not stack.unhealthy(), seconds=300, what="healthy after the restore")
    assert stack.history() == before
    assert stack.steps(first_run) == dict.fromkeys(STEPS, "success")
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the restored version")


def test_after_the_restore_the_next_run_is_unchanged(stack: Containers, first_run: str) -> None:
    run_id = stack.airflow.trigger({})
    assert stack.wait_for(run_id) == "success"
    assert stack.tasks(run_id)["ingest"] == "skipped", "the same data, settings and code: nothing to do"


def test_a_new_machine_needs_a_backup_and_the_fernet_key(stack: Containers, first_run: str) -> None:
    backup, secrets = stack.directory / "moved", stack.directory / "secrets"
    before = stack.history()
    stack.run("stack/compose/backup.sh", backup)
    fernet_key = (secrets / "fernet_key").read_text()
    stack.down()
    shutil.rmtree(secrets)
    (stack.directory / ".env").unlink()
    stack.run("stack/compose/secrets.sh", stack.directory)
    with pytest.raises(AssertionError, match="another key than secrets/fernet_key"):
        stack.run("stack/compose/restore.sh", backup, seconds=1800)
    (secrets / "fernet_key").write_text(fernet_key)
    stack.run("stack/compose/restore.sh", backup, seconds=1800)
    eventually(lambda: not stack.unhealthy(), seconds=300, what="healthy after the restore")
    assert stack.history() == before
    assert stack.airflow.log_in(), "users and their passwords are those of the backup"
    assert stack.steps(first_run) == dict.fromkeys(STEPS, "success")
    get = ("airflow", "connections", "get", "news", "--output", "json")
    assert NEWS["password"] in stack.compose("exec", "-T", "airflow-scheduler", *get)
    eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the restored version")
    run_id = stack.airflow.trigger({})
    assert stack.wait_for(run_id) == "success"
    assert stack.tasks(run_id)["ingest"] == "skipped", "the same data, settings and code: nothing to do"
