"""Errors that end a command of the local stack with one line instead of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ml.errors import RetrainError

INTERRUPTED = 130


class StackError(Exception):
    """Something on this machine is in the way; the message says what it is and what to do."""


class NoAnswerError(StackError):
    """Airflow does not answer; it may be busy, or gone."""


def run_command(main: Callable[[], int]) -> int:
    """Run a command; return its exit code, 1 after an error that is a line on stderr, 130 after Ctrl-C."""
    try:
        return main()
    except (StackError, RetrainError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been stopped.", file=sys.stderr)
        return INTERRUPTED
