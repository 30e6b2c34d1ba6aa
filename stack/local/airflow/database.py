"""Airflow's SQLite database, made or migrated once for each version of Airflow."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Mapping

from ml.storage.root import PROJECT
from stack.local.errors import StackError
from stack.local.paths import AIRFLOW, Paths

DEADLINE_SECONDS = 300


def migrate_if_needed(paths: Paths, environment: Mapping[str, str]) -> None:
    """Run `airflow db migrate`, which takes ten seconds, unless this version of Airflow has done so before.

    Raises:
        StackError: The migration failed; the message names its log.
    """
    stamp = paths.airflow_home / "migrated"
    version = importlib.metadata.version("apache-airflow")
    if (paths.airflow_home / "airflow.db").exists() and stamp.exists() and stamp.read_text() == version:
        return
    print("Preparing Airflow's database (once) ...", flush=True)
    log = paths.logs / "airflow-migrate.log"
    with log.open("wb") as output:
        code = subprocess.run(
            [AIRFLOW, "db", "migrate"],
            cwd=PROJECT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE_SECONDS,
            check=False,
        ).returncode
    if code:
        raise StackError(f"`airflow db migrate` failed with exit code {code}; see {log}.")
    stamp.write_text(version)
