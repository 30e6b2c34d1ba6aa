"""What stops a command, said in one line instead of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ml.errors import RetrainError

INTERRUPTED = 130


class StackError(Exception):
    """Something on this machine is in the way; the text says what, and the way out."""


def run_command(main: Callable[[], int]) -> int:
    """The exit code of `main`; known errors become a line on stderr, Ctrl-C becomes 130."""
    try:
        return main()
    except (StackError, RetrainError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was started has been stopped.", file=sys.stderr)
        return INTERRUPTED


def as_interrupt(_signal: int, _frame: object) -> None:
    """A signal handler: let SIGTERM clean up as Ctrl-C does."""
    raise KeyboardInterrupt
