"""Whether this interpreter is the one that was meant: `python` often is not."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from ml.errors import FinalError


def need_libraries() -> None:
    """Check that TensorFlow and its company can be imported.

    Raises:
        FinalError: They are not installed for this interpreter.
    """
    if find_spec("pyarrow") is None or find_spec("tensorflow") is None:
        raise FinalError(
            f"{sys.executable} lacks the libraries of the ML environment.",
            "Use .venv-ml/bin/python in the project's directory; `make demo` makes it.",
        )
