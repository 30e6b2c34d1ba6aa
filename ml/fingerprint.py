"""What makes two runs the same: the same data, the same deciding settings, the same code and libraries."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ml.files import sha256_file, sha256_json
from ml.settings import Settings

LIBRARIES = ("tensorflow", "keras", "tensorflow-data-validation", "tensorflow-model-analysis", "numpy", "pyarrow")


def settings_sha256(settings: Settings) -> str:
    """Of the settings that decide a result."""
    return sha256_json(settings.deciding())


@cache
def code_sha256() -> str:
    """Of this package's sources and schema, the Python version and the libraries that compute."""
    here = Path(__file__).parent
    sources = {p.name: sha256_file(p) for p in sorted(here.iterdir()) if p.suffix in (".py", ".pbtxt")}
    return sha256_json([sources, platform.python_version(), {name: _version(name) for name in LIBRARIES}])


def run_fingerprint(data_sha256: str, settings: Settings) -> str:
    """Equal for two runs that must come to the same result."""
    return sha256_json([data_sha256, settings_sha256(settings), code_sha256()])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
