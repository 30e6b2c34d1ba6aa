"""Which versions run here, so that a change of a metric can be laid beside a change of the software."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from ml.monitoring.state_collectors import Sample
from ml.storage.root import PROJECT

VERSION = "0.1.0"
"""As in pyproject.toml, which an image does not have."""
UNKNOWN = "unknown"
LABELS = ("version", "python", "tensorflow", "airflow")


def collect_build(project: Path = PROJECT) -> Iterator[Sample]:
    """Yield 1, with the versions of this project, of Python and TensorFlow here, and of Airflow.

    Airflow is in an environment of its own: its version is known where that one, `.venv`, lies beside this code.
    """
    try:
        tensorflow = version("tensorflow")
    except PackageNotFoundError:
        tensorflow = UNKNOWN
    versions = (VERSION, platform.python_version(), tensorflow, _airflow(project))
    yield Sample("retrain_build_info", 1, versions)


def _airflow(project: Path) -> str:
    places = [str(place) for place in sorted((project / ".venv" / "lib").glob("python3*/site-packages"))]
    found = distributions(name="apache-airflow", path=places)
    return next((distribution.version for distribution in found), UNKNOWN)
