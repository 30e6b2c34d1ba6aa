from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from tests.airflow_home import variables

HEAVY = (
    "tensorflow",
    "tensorflow_data_validation",
    "apache_beam",
    "pandas",
    "numpy",
    "pyarrow",
    "sklearn",
    "kaggle",
    "openlineage",
)
PARSE = """
import pathlib, runpy, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("did", event, arguments)

sys.addaudithook(watch)
sys.path.insert(0, "plugins")
before = set(sys.modules)
for dag in pathlib.Path("dags").glob("*.py"):
    runpy.run_path(str(dag))
print("loaded", *sorted(set(sys.argv[1].split()) & set(sys.modules)))
"""


def test_parsing_loads_nothing_heavy_and_asks_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARSE, " ".join(HEAVY)],
        cwd=PROJECT,
        env=os.environ | variables(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded"
    assert "did " not in done.stdout


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own
def test_airflow_leaves_the_packages_of_the_plugins_folder_alone() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import plugins_manager

    bag = DagBag(dag_folder=PROJECT / "dags")
    assert bag.import_errors == {}
    assert sorted(bag.dags) == [path.stem for path in sorted((PROJECT / "dags").glob("*.py"))]
    _, errors = plugins_manager._get_plugins()
    assert errors == {}
    files = [path.stem for path in (PROJECT / "plugins").rglob("*.py") if path.parent.name != "plugins"]
    assert not {name for name in files if name in sys.modules}, "executed under a bare name"
