"""The options of the command line about the page: how long what people send stays."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

LISTS = "--lists"


@dataclass(frozen=True)
class Keeping:
    """How long what people send stays.

    Attributes:
        lists: Where lists go that people keep.
        days: How long such a list is kept.
        unused_seconds: After how long a list goes that is open on the page and that nobody uses.
    """

    lists: Path
    days: float
    unused_seconds: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options to those of the gateway."""
    parser.add_argument(
        LISTS,
        type=Path,
        default=Path(os.environ.get("RETRAIN_ROOT") or "var") / "lists",
        help="directory for lists that people keep, made with mode 700 (default: %(default)s)",
    )
    parser.add_argument(
        "--keep-days", type=float, default=30.0, help="how long such a list is kept (default: %(default)s)"
    )
    parser.add_argument(
        "--unused-seconds",
        type=float,
        default=1800.0,
        help="after how long a list on the page goes that nobody uses (default: %(default)s)",
    )


def keeping(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Keeping:
    """What was given; a wrong one ends the process with status 2 and a sentence."""
    if not (given.keep_days > 0 and given.unused_seconds > 0):
        parser.error("--keep-days and --unused-seconds have to be more than 0.")
    return Keeping(given.lists, given.keep_days, given.unused_seconds)
