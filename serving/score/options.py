"""The command line of `python -m serving.score`."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.expectation.economics import Entered, amount
from serving.score.row_writers import ENDINGS

_LONGEST = 86_400
"""The longest time-out in seconds, a day; a larger number is a slip."""
MOST_SHARE = 0.5
"""Of a list for customers from outside the cut, or that is left alone; more would not be a list of the best."""


@dataclass(frozen=True)
class Top:
    """How many of the best customers are wanted.

    Attributes:
        count: Their number, or None when a share was given.
        share: Their share of all customers, or None when a number was given.
        pays: Whether as many are wanted as pay, within the budget.
    """

    count: int | None = None
    share: float | None = None
    pays: bool = False

    def of(self, rows: int) -> int:
        """The number of customers for a file of this many rows, at least one, where it does not depend on scores."""
        if self.count is not None:
            return min(self.count, rows)
        return max(1, min(rows, round((self.share or 0.0) * rows)))


@dataclass(frozen=True)
class Options:
    """The command line; the fields have the names of the options."""

    csv: Path
    out: Path
    top: Top | None
    url: str
    model: str
    evaluation: Path | None
    rows_per_request: int
    timeout: float
    strict: bool
    token: str | None
    entered: Entered
    reasons: bool = False
    named: str = "--{}"
    """How messages call value, cost and budget."""
    explore: float = 0.0
    """The share of a list for customers from outside the cut."""
    control: float = 0.0
    """The share of a list that is left alone."""
    request_id: str | None = None
    """What names the list, and puts its columns into every file; None names it by itself."""


def _default_url() -> str:
    return os.environ.get("SERVING_URL") or f"http://127.0.0.1:{os.environ.get('SERVING_PORT') or 8501}"


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Reads the command line.

    Raises:
        SystemExit: The command line is wrong (status 2, and a line on stderr that says how), or --help was given.
    """
    parser = argparse.ArgumentParser(
        prog="python -m serving.score",
        description="Scores the customers of a file with a model server, and says whom to target.",
        epilog="SERVING_TOKEN in the environment is sent as a bearer token.",
    )
    add = parser.add_argument
    add(
        "csv",
        type=Path,
        help="the customers, a CSV or a workbook; the header must have the columns of the model, others are kept",
    )
    add(
        "--out",
        type=Path,
        required=True,
        help="where to write the rows with two more columns, probability and label, and with --top those by which a "
        "list with outcomes is known again; the name ends in .csv or .xlsx",
    )
    add(
        "--top",
        type=parse_top,
        metavar="N|P%|pays",
        help="write only the best N customers (or P %% of all, or as many as pay, within the budget), best first",
    )
    add("--value", type=_amount, help="of a target customer who is contacted; default: that of the release")
    add("--cost", type=_amount, help="of one contact; default: that of the release")
    add(
        "--budget",
        type=_amount,
        help="for the contacts of this list; default: that of the release. With an amount, --top is pays by default",
    )
    add(
        "--explore",
        type=_share,
        default=0.0,
        metavar="P%",
        help="give a share of the places, such as 2%%, by lot to customers from outside the cut, so that something "
        "becomes known of them, too; default: none",
    )
    add(
        "--control",
        type=_share,
        default=0.0,
        metavar="P%",
        help="leave a share of the list alone, such as 5%%, drawn by lot: what the others come to is compared with it; "
        "default: none",
    )
    add(
        "--url",
        default=_default_url(),
        help="the model server; default: SERVING_URL, or SERVING_PORT on this machine",
    )
    add("--model", default="customer-model", help="the name of the model (%(default)s)")
    add(
        "--evaluation",
        type=Path,
        help="the version's evaluation.json, or the directory of releases; default: that of RETRAIN_ROOT or var/",
    )
    add(
        "--rows-per-request",
        type=_positive,
        default=500,
        metavar="N",
        help="customers in a request (%(default)s)",
    )
    add(
        "--timeout",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="time for a request (%(default)g)",
    )
    add(
        "--reasons",
        action="store_true",
        help="add what speaks for and against each customer, in words; for at most 10,000",
    )
    add(
        "--strict",
        action="store_true",
        help="refuse a file with rows that are not customers, or values that the model does not know",
    )
    given = parser.parse_args(arguments)
    if given.out.suffix.lower() not in ENDINGS:
        parser.error(f"--out {given.out}: the name must end in .csv, or in .xlsx for a workbook.")
    if os.path.realpath(given.out) == os.path.realpath(given.csv):
        parser.error("--out is the file of the customers itself. Choose another name.")
    token = os.environ.get("SERVING_TOKEN") or None
    if token is not None and not re.fullmatch("[!-~]+", token):  # the text does not show it: it is a secret
        parser.error("SERVING_TOKEN has a blank, a line end or a character outside ASCII: it cannot go into a header.")
    fields = vars(given)
    entered = Entered(*(fields.pop(name) for name in ("value", "cost", "budget")))
    return Options(**fields, token=token, entered=entered)


def _amount(text: str) -> float:
    try:
        return amount(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount from 0 to 1,000,000,000") from None


def _share(text: str) -> float:
    try:
        return parse_share(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_share(text: str) -> float:
    """Reads a share like 2%, or 0, of a list.

    Raises:
        ValueError: It is none, or more than a half; the message says so.
    """
    try:
        share = 0.0 if text.strip() == "0" else float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = math.nan
    if not (text.strip() == "0" or text.strip().endswith("%")) or not 0 <= share <= MOST_SHARE:
        raise ValueError(f"{text[:40]!r} is not a share like 2%, from 0% to {MOST_SHARE:.0%}")
    return share


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to {_LONGEST:,}")
    return seconds


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def parse_top(text: str) -> Top:
    """Reads a number like 500, a share like 20%, or pays.

    Raises:
        argparse.ArgumentTypeError: It is none of them.
    """
    if text == "pays":
        return Top(pays=True)
    try:
        if not text.endswith("%"):
            return Top(count=_positive(text))
        share = float(text[:-1]) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number like 500, no share like 20%, and not pays") from None
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0% and 100%")
    return Top(share=share)
