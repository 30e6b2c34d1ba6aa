"""What makes two runs the same: the same data, schema and deciding settings, the same code and libraries."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ml.config.settings import Settings
from ml.storage.files import sha256_file, sha256_json
from ml.storage.root import PROJECT

DECIDING = ("ml", "serving/models", "serving/records", "serving/tables", "serving/expectation")
"""The directories whose code decides a result: the steps, how a model is called and calibrated, how files are read."""
ONLY_TELLING = ("ml/monitoring", "ml/rehearsal", "ml/reports")
"""What is left out of them: rooms above the pipeline, which no step can import, and which only tell of results."""
LIBRARIES = ("tensorflow", "keras", "tensorflow-data-validation", "tensorflow-model-analysis", "numpy", "pyarrow")


def settings_sha256(settings: Settings) -> str:
    """Return the SHA-256 of the settings that decide the result of a run."""
    return sha256_json(settings.deciding_settings())


@cache
def code_sha256() -> str:
    """Return the SHA-256 of the sources, the Python version and the libraries that compute."""
    return sha256_json([source_hashes(), platform.python_version(), {name: _version(name) for name in LIBRARIES}])


def environment() -> dict[str, Any]:
    """Return what computes: the versions of Python and the libraries, and the kind of machine and processor."""
    return {
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "machine": platform.machine(),
        "processor": _processor(),
    }


def source_hashes(project: Path = PROJECT) -> dict[str, str]:
    """Return the SHA-256 of every `.py` file below `DECIDING` and not `ONLY_TELLING`, by its path in the project.

    Settings and the schema stay out: they have hashes of their own, and git's schema may not be the one in force.
    """
    telling = [project / room for room in ONLY_TELLING]
    files = [
        path
        for room in DECIDING
        for path in (project / room).rglob("*.py")
        if not any(path.is_relative_to(room) for room in telling)
    ]
    return {path.relative_to(project).as_posix(): sha256_file(path) for path in sorted(files)}


def run_fingerprint(data_sha256: str, settings: Settings, schema_sha256: str) -> str:
    """Return a hash that is equal for two runs which must come to the same result."""
    return sha256_json([data_sha256, settings_sha256(settings), code_sha256(), schema_sha256])


def _processor() -> str:
    """Return the name of the processor, on which the order of additions may depend; "" where it is not told."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
