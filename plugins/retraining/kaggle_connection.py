"""Kaggle credentials for the step that downloads: from an Airflow Connection, else from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from retraining.child.environment import KAGGLE

CONNECTION = "kaggle_default"
_SECRET = ("KAGGLE_KEY", "KAGGLE_API_TOKEN")


def kaggle_credentials() -> dict[str, str]:
    """Return `KAGGLE_*` variables, whose secret values are masked from now on in every log of this task.

    A Connection with login and password is a user with a key; one with a password alone, or with `token` in its
    extra, is an API token. It takes the place of all credentials in the environment: they are never mixed.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(KAGGLE)}
    from_connection = _connection()
    if from_connection:
        for name in ("KAGGLE_USERNAME", *_SECRET):
            variables.pop(name, None)
        variables |= from_connection
    for name in _SECRET:
        if variables.get(name):
            mask_secret(variables[name])
    if token := _token_in_file(variables.get("KAGGLE_API_TOKEN", "")):
        mask_secret(token)
    return variables


def _token_in_file(path: str) -> str:
    """Return what the file holds when the token is given as a path, which Kaggle's client takes too; else ""."""
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except (OSError, ValueError):
        return ""


def _connection() -> dict[str, str]:
    try:
        connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return {}
    token = str(connection.extra_dejson.get("token") or "")
    if token:
        return {"KAGGLE_API_TOKEN": token}
    if connection.login and connection.password:
        return {"KAGGLE_USERNAME": connection.login, "KAGGLE_KEY": connection.password}
    return {"KAGGLE_API_TOKEN": connection.password} if connection.password else {}
