"""The pages under the auth manager of the compose file, with its roles: a viewer, and a user without the DAG."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from tests.plugins.pages.api_server import PASSWORDS, ApiServer, api_server, migrate, run
from tests.plugins.pages.ledgers import Story

pytestmark = pytest.mark.slow
FAB = {"AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"}

USERS = """
import json, sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
with get_application_builder() as builder:
    manager = builder.sm
    manager.add_role("Nothing")
    for name, role in (("admin", "Admin"), ("viewer", "Viewer"), ("nobody", "Nothing")):
        address, password = f"{name}@localhost.localdomain", json.loads(sys.argv[1])[name]
        assert manager.add_user(name, name, name, address, manager.find_role(role), password=password)
"""


def init_commands() -> list[list[str]]:
    """The commands about roles that the compose file's init runs."""
    script = (PROJECT / "stack" / "compose" / "airflow_init.sh").read_text()
    return [line.split()[1:] for line in re.findall(r"^airflow roles .*$", script, re.MULTILINE)]


@pytest.fixture(scope="module")
def fab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    home, root = tmp_path_factory.mktemp("fab-home"), tmp_path_factory.mktemp("fab-root")
    migrate(home, root, **FAB)
    run(home, root, "-c", USERS, json.dumps(PASSWORDS), program=sys.executable, **FAB)
    for command in init_commands():
        run(home, root, *command, **FAB)
    Story(root).promoted()
    with api_server(home, root, **FAB) as server:
        yield server


def test_the_models_are_for_who_may_see_the_dag(fab: ApiServer) -> None:
    assert [fab.ask("/retraining/models", user).status for user in ("admin", "viewer", "nobody", None)] == [
        200,
        200,
        403,
        401,
    ]


def test_only_who_may_trigger_gets_buttons(fab: ApiServer) -> None:
    assert "data-dialog=" in fab.ask("/retraining/models", "admin").text
    assert "data-dialog=" not in fab.ask("/retraining/models", "viewer").text
    body = {"logical_date": None, "conf": {"version": 1, "reason": "I want to."}}
    for user in ("viewer", "nobody"):
        asked = fab.ask("/api/v2/dags/customer_rollback/dagRuns", user, method="POST", body=body)
        assert asked.status == 403


def test_a_viewer_sees_the_tabs_too(fab: ApiServer) -> None:
    answer = fab.ask("/api/v2/plugins", "viewer")
    assert answer.status == 200
    assert "retraining" in {plugin["name"] for plugin in json.loads(answer.text)["plugins"]}
    assert fab.ask("/api/v2/plugins", "nobody").status == 403


def test_the_init_grants_it_by_a_command() -> None:
    assert init_commands()
    assert Path(PROJECT / "stack" / "compose" / "airflow_init.sh").stat().st_mode & 0o400
