"""The environment of every Airflow process on this machine."""

from __future__ import annotations

import os

from ml.storage.root import PROJECT
from stack.local.paths import Paths


def airflow_environment(paths: Paths, *, serving_url: str) -> dict[str, str]:
    """The variables of an `airflow` command.

    The caller's own `AIRFLOW*` variables are left out, since they would mix in.

    Args:
        paths: The paths of the stack.
        serving_url: The base URL of the model server that `confirm` asks.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **inherited,
        "PYTHONPATH": str(PROJECT),
        "PYTHONWARNINGS": "ignore",  # of libraries; they would fill the logs
        "RETRAIN_ROOT": str(paths.root.path),
        "RETRAIN__SERVING__URL": serving_url,
        "AIRFLOW_HOME": str(paths.airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{paths.airflow_home / 'airflow.db'}",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "15",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
    }


def with_api_server(environment: dict[str, str], paths: Paths, *, ui_url: str) -> dict[str, str]:
    """The same variables and those of an API server: who may log in, and where tasks report to.

    Args:
        environment: The variables of `airflow_environment`.
        paths: The paths of the stack.
        ui_url: The base URL of the API server.
    """
    return {
        **environment,
        "AIRFLOW__API__BASE_URL": ui_url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{ui_url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(paths.passwords),
    }
