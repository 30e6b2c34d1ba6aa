"""The interpreter of the ML environment, and which environment variables its processes see.

All others stay with Airflow, its database address among them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ml.storage.root import PROJECT

NAMES = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("OPENBLAS_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX"),
    }
)
PREFIXES = ("LC_", "RETRAIN_", "OMP_", "MKL_", "TF_")
KAGGLE = "KAGGLE_"


def ml_python() -> str:
    """Return the interpreter of the ML environment: `ML_PYTHON`, else the project's own."""
    return os.environ.get("ML_PYTHON") or str(PROJECT / ".venv-ml" / "bin" / "python")


def child_environment(
    parent: Mapping[str, str], *, who: str, credentials: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment variables for one step.

    Args:
        parent: The variables of this process.
        who: The name that the ledger shall give for whoever asked for the run.
        credentials: Variables such as `KAGGLE_*`, for a step that may know them.
    """
    kept = {name: value for name, value in parent.items() if name in NAMES or name.startswith(PREFIXES)}
    return {
        **kept,
        "RETRAIN_WHO": who,
        "RETRAIN_DIE_WITH_PARENT": str(os.getpid()),
        "PYTHONUNBUFFERED": "1",  # or the lines come all at once, at the end
        **(credentials or {}),
    }
