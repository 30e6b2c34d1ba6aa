"""What the compose file asks of Airflow's environment beyond what runs without Docker: it must at least import.

Locks are compiled for each package alone; two that do not fit one another show at the first start otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from tests.airflow_home import variables
from tests.stack.compose.compose_file import SERVICES

AUTH_MANAGER = SERVICES["airflow-api-server"]["environment"]["AIRFLOW__CORE__AUTH_MANAGER"]


@pytest.mark.parametrize(
    "module",
    [
        AUTH_MANAGER.rpartition(".")[0],
        "airflow.providers.celery.executors.celery_executor",
        "airflow.providers.postgres.hooks.postgres",
        "asyncpg",
        "psycopg2",
        "redis",
    ],
)
def test_modules_that_only_the_compose_file_needs_import(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import {module}"],
        cwd=PROJECT,
        env=os.environ | variables(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
