"""An Airflow of its own for the tests: nothing outside the temporary directory is touched."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from ml.storage.root import PROJECT


def variables(home: Path) -> dict[str, str]:
    """What makes Airflow use this project's DAGs and plugins, and a database below `home`."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "PYTHONPATH": str(PROJECT),
    }


def use_temporary_home() -> None:
    """For this process, before Airflow is imported; a second call changes nothing."""
    if not os.environ.get("AIRFLOW_HOME", "").startswith(tempfile.gettempdir()):
        for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
            del os.environ[name]
        home = Path(tempfile.mkdtemp(prefix="airflow-tests-"))
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        os.environ.update(variables(home))


def fake_ml(directory: Path) -> Path:
    """`fake_ml.py` as a program for `ML_PYTHON`, run by the interpreter of these tests."""
    program = directory / "fake-ml"
    program.write_text(f"#!{sys.executable}\n{(PROJECT / 'tests' / 'fake_ml.py').read_text()}")
    program.chmod(0o755)
    return program
