"""The command line of `python -m serving.score`."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 86_400
"""Seconds: longer than a day is a slip."""


@dataclass(frozen=True)
class Top:
    """How many of the best customers: `count` of them, or `share` of all."""

    count: int | None = None
    share: float | None = None

    def of(self, rows: int) -> int:
        """The number for a file of so many customers, at least one."""
        if self.count is not None:
            return min(self.count, rows)
        return max(1, min(rows, round((self.share or 0.0) * rows)))


@dataclass(frozen=True)
class Options:
    """What was asked for; the fields are the command's words."""

    csv: Path
    out: Path
    top: Top | None
    url: str
    model: str
    evaluation: Path | None
    rows_per_request: int
    timeout: float
    token: str | None


def _default_url() -> str:
    return os.environ.get("SERVING_URL") or f"http://127.0.0.1:{os.environ.get('SERVING_PORT') or 8501}"


def read(arguments: Sequence[str]) -> Options:
    """Reads the command line; SystemExit with 2 and what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.score",
        description="Scores the customers of a CSV through a model server, and says whom to target.",
        epilog="SERVING_TOKEN in the environment is sent as a bearer token.",
    )
    add = parser.add_argument
    add("csv", type=Path, help="the customers; a header with the columns that the model takes, others are kept")
    add("--out", type=Path, required=True, help="the same rows and two more columns: probability and label")
    add("--top", type=_top, metavar="N|P%", help="instead, only the N (or P %% of all) best customers, ranked")
    add("--url", default=_default_url(), help="the model server; default SERVING_URL, or SERVING_PORT on this machine")
    add("--model", default="customer-model")
    add(
        "--evaluation",
        type=Path,
        help="evaluation.json of the version, or the directory of all releases; default: that of RETRAIN_ROOT, or var/",
    )
    add("--rows-per-request", type=_positive, default=500, metavar="N")
    add("--timeout", type=_seconds, default=30.0, metavar="SECONDS", help="for one request")
    given = parser.parse_args(arguments)
    if os.path.realpath(given.out) == os.path.realpath(given.csv):
        parser.error("--out is the file with the customers: choose another name.")
    token = os.environ.get("SERVING_TOKEN") or None
    if token is not None and not re.fullmatch("[!-~]+", token):  # and it is not shown: it is a secret
        parser.error("SERVING_TOKEN has a blank, a line end or a character outside ASCII: it cannot go into a header.")
    return Options(**vars(given), token=token)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to {_LONGEST:,}")
    return seconds


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _top(text: str) -> Top:
    try:
        if not text.endswith("%"):
            return Top(count=_positive(text))
        share = float(text[:-1]) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number like 500 nor a share like 20%") from None
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0% and 100%")
    return Top(share=share)
