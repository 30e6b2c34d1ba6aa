"""`python -m ml COMMAND`: the process around the command line."""

from __future__ import annotations

import gc
import logging
import os
import sys
import warnings
from typing import NoReturn

from ml.storage.parent_death import die_with


def die_with_parent() -> None:
    """Let the kernel end this process with its parent when `RETRAIN_DIE_WITH_PARENT` names that."""
    parent = os.environ.get("RETRAIN_DIE_WITH_PARENT", "")
    if parent.isdecimal():
        die_with(int(parent))


def main() -> int:
    """Run the command line with the real stdout for its answer, and stderr for all that libraries print."""
    die_with_parent()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # failures raise; the rest is noise about GPUs
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same sums on every machine of a kind
    warnings.filterwarnings("ignore", module=r"google\.api_core|apache_beam|tensorflow|keras|pandas")
    # Importing TensorFlow makes a million objects that stay, and looking through them for garbage again and again is a
    # tenth of a retraining. What cycles a command leaves behind go when it ends.
    gc.disable()
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace") as stdout:
        os.dup2(2, 1)
        from ml.cli.commands import main as command_line
        from ml.cli.deferred_imports import defer

        defer()
        return command_line(sys.argv[1:], stdout)


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart, which costs a second once TensorFlow is in it.

    Nothing here waits for that: files are closed where they are written, and threads where they are started.
    """
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
