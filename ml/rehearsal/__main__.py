"""`python -m ml.rehearsal`: the process around the rehearsal."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from ml.__main__ import leave


def main() -> int:
    """Rehearse with the real stdout for the table, and stderr for progress.

    Libraries are set up as `python -m ml` does.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace") as stdout:
        os.dup2(2, 1)
        from ml.cli.deferred_imports import defer
        from ml.rehearsal.command import main as rehearsal

        defer()
        logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
        logging.getLogger("absl").setLevel(logging.ERROR)
        return rehearsal(sys.argv[1:], stdout, sys.stderr)


if __name__ == "__main__":
    leave(main())
