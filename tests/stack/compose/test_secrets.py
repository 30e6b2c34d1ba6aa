"""`make secrets`: made once, for nobody else to read, and fit for what reads them."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from serving.gateway.access import command, token_file
from serving.gateway.access.tokens import SCOPES, Token, find, new_secret
from tests.stack.compose.compose_file import COMPOSE, SERVICES, mounts

EMPTY = {"kaggle_api_token", "alert_url"}  # for people to fill
FOR_PEOPLE = {"gateway_token"}  # to read


def make(directory: Path) -> str:
    return subprocess.run(
        [PROJECT / "stack/compose/secrets.sh", directory], capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.fixture
def made(tmp_path: Path) -> dict[str, str]:
    make(tmp_path)
    return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}


def test_there_is_a_file_for_every_secret_of_the_compose_file(made: dict[str, str]) -> None:
    assert made.keys() == COMPOSE["secrets"].keys() | FOR_PEOPLE
    assert {name for name, content in made.items() if not content} == EMPTY
    assert all(content == content.strip() for content in made.values()), "a line end would become part of the secret"


def test_only_the_owner_can_read_the_secrets(tmp_path: Path) -> None:
    make(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert modes.pop("alert_url") == 0o644, "Alertmanager's user reads it; the directory keeps others out"
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_airflow_runs_as_the_owner_of_the_secrets(tmp_path: Path) -> None:
    make(tmp_path)
    owners = {path.stat().st_uid for path in (tmp_path / "secrets").iterdir()}
    assert owners == {50000 if os.getuid() == 0 else os.getuid()}
    assert f"AIRFLOW_UID={owners.pop()}" in (tmp_path / ".env").read_text().splitlines()


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / ".env").write_text("UI_PORT=8090\n" + (tmp_path / ".env").read_text())
    (tmp_path / "secrets" / "kaggle_api_token").write_text("mine")
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert "nothing was changed" in make(tmp_path)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_secret_that_an_update_adds_is_made_and_the_others_stay(tmp_path: Path) -> None:
    make(tmp_path)
    fernet = (tmp_path / "secrets" / "fernet_key").read_text()
    (tmp_path / "secrets" / "session_key").unlink()
    assert "Made in" in make(tmp_path)
    assert (tmp_path / "secrets" / "session_key").read_text()
    assert (tmp_path / "secrets" / "fernet_key").read_text() == fernet


def _failing(directory: Path, tool: str) -> dict[str, str]:
    """An environment in which `tool` fails without a word."""
    (directory / "bin").mkdir()
    (directory / "bin" / tool).write_text("#!/bin/sh\nexit 1\n")
    (directory / "bin" / tool).chmod(0o755)
    return os.environ | {"PATH": f"{directory / 'bin'}:{os.environ['PATH']}"}


@pytest.mark.parametrize("tool", ["head", "base64", "tr", "sha256sum"])
def test_a_generator_that_fails_leaves_no_empty_secret(tmp_path: Path, tool: str) -> None:
    command = [PROJECT / "stack/compose/secrets.sh", tmp_path]
    failed = subprocess.run(command, env=_failing(tmp_path, tool), capture_output=True, timeout=60, check=False)
    assert failed.returncode != 0
    assert all(path.read_text() for path in (tmp_path / "secrets").iterdir())
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert made.isdisjoint({"gateway_tokens"} if tool == "sha256sum" else COMPOSE["secrets"].keys())


def test_an_empty_secret_is_made_again(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "secrets" / "fernet_key").write_text("")
    assert "fernet_key" in make(tmp_path)
    assert len((tmp_path / "secrets" / "fernet_key").read_text()) == 44


def test_a_new_password_makes_new_urls(tmp_path: Path) -> None:
    make(tmp_path)
    for name in ("database_password", "redis_password"):
        (tmp_path / "secrets" / name).unlink()
    make(tmp_path)
    for name, users in {
        "database_password": ("database_url", "celery_result_url"),
        "redis_password": ("celery_broker_url",),
    }.items():
        password = (tmp_path / "secrets" / name).read_text()
        for user in users:
            assert f":{password}@" in (tmp_path / "secrets" / user).read_text()


def test_an_env_file_without_a_last_line_end_keeps_its_last_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("UI_PORT=8090")
    make(tmp_path)
    lines = (tmp_path / ".env").read_text().splitlines()
    assert lines[0] == "UI_PORT=8090"
    assert lines[-1].startswith("AIRFLOW_UID=")


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to others")
def test_root_gives_the_secrets_to_the_user_that_the_env_file_names(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AIRFLOW_UID=1234\n")
    make(tmp_path)
    assert {path.stat().st_uid for path in (tmp_path / "secrets").iterdir()} == {1234}
    assert (tmp_path / ".env").read_text() == "AIRFLOW_UID=1234\n"


def test_what_others_mount_can_be_read_after_a_clone_under_umask_077(tmp_path: Path) -> None:
    for part in ("stack", "prometheus"):
        shutil.copytree(PROJECT / part, tmp_path / part)
    for path in (tmp_path / "prometheus").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    subprocess.run([tmp_path / "stack/compose/secrets.sh"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    for name in SERVICES:
        for source, _ in mounts(name).values():
            if source.startswith("."):
                for path in [tmp_path / source, *(tmp_path / source).rglob("*")]:
                    wanted = 0o055 if path.is_dir() else 0o044
                    assert path.stat().st_mode & wanted == wanted, path


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    for name in "ab":
        make(tmp_path / name)
    for name in (COMPOSE["secrets"].keys() | FOR_PEOPLE) - EMPTY:
        first, second = ((tmp_path / which / "secrets" / name).read_text() for which in "ab")
        assert first != second, name


def test_secrets_are_long_enough_and_fit_one_another(made: dict[str, str]) -> None:
    assert len(base64.urlsafe_b64decode(made["fernet_key"])) == 32
    assert len(base64.urlsafe_b64decode(made["jwt_secret"])) >= 48
    for name in ("admin_password", "grafana_password", "database_password", "redis_password"):
        assert len(made[name]) >= 20, name
        assert made[name].isalnum(), f"{name} is part of a URL"
    login = f"airflow:{made['database_password']}@postgres:5432/airflow"
    assert made["database_url"] == f"postgresql+psycopg2://{login}"
    assert made["celery_result_url"] == f"db+postgresql://{login}"
    assert made["celery_broker_url"] == f"redis://:{made['redis_password']}@redis:6379/0"


def test_the_gateway_takes_the_first_token_for_everything(tmp_path: Path, made: dict[str, str]) -> None:
    tokens = token_file.read(tmp_path / "secrets" / "gateway_tokens")
    found = find(tokens, made["gateway_token"].encode())
    assert found == Token("first", SCOPES, found.sha256 if found else "")
    assert len(made["gateway_token"]) == len(new_secret())


def test_tokens_stay_when_the_first_one_was_put_elsewhere(tmp_path: Path, made: dict[str, str]) -> None:
    (tmp_path / "secrets" / "gateway_token").unlink()
    assert "nothing was changed" in make(tmp_path)
    assert not (tmp_path / "secrets" / "gateway_token").exists()
    assert (tmp_path / "secrets" / "gateway_tokens").read_text() == made["gateway_tokens"]


def test_a_new_file_of_tokens_comes_with_a_token_of_its_own(tmp_path: Path, made: dict[str, str]) -> None:
    (tmp_path / "secrets" / "gateway_tokens").unlink()
    make(tmp_path)
    secret = (tmp_path / "secrets" / "gateway_token").read_text()
    assert secret != made["gateway_token"]
    assert find(token_file.read(tmp_path / "secrets" / "gateway_tokens"), secret.encode())


def test_tokens_that_are_added_belong_to_whom_the_container_runs_as(tmp_path: Path, made: dict[str, str]) -> None:
    added = ["add", "shop", "--scope=predict", f"--file={tmp_path / 'secrets' / 'gateway_tokens'}"]
    assert command.main(added) == 0
    make(tmp_path)
    owner = (tmp_path / "secrets" / "fernet_key").stat()
    for path in (tmp_path / "secrets").iterdir():
        assert path.stat().st_uid == owner.st_uid, path
    assert [token.name for token in token_file.read(tmp_path / "secrets" / "gateway_tokens")] == ["first", "shop"]


def test_git_ignores_the_secrets() -> None:
    ignored = (PROJECT / ".gitignore").read_text().splitlines()
    assert {"/.env", "/secrets/", "/backups/"} <= set(ignored)
    sent = (PROJECT / ".dockerignore").read_text().splitlines()
    assert sent[1] == "*", "the builder gets nothing that is not named"
    assert not [line for line in sent if line.startswith("!") and Path(line[1:]).name in ("secrets", ".env", "*")]
