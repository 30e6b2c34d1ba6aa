"""The last words of the command: what was scored, whom to target, what to expect."""

from __future__ import annotations

from pathlib import Path

from serving.score.expected_precision import Expected, Unknown
from serving.score.output_files import Written

_REST = "rest"


def scored(written: Written, version: int, out: Path) -> str:
    """How many customers got which label, and where they are."""
    return f"Scored {written.rows:,} customers with version {version}: {_labels(written)}. All are in {out}."


def ranked(written: Written, version: int, out: Path, *, count: int, least: float, expected: Expected | Unknown) -> str:
    """The same, and what to expect of the best `count`, the last of whom has the probability `least`."""
    share = count / written.rows
    first = (
        f"Scored {written.rows:,} customers with version {version}: {_labels(written)}.\n"
        f"Target the {count:,} in {out}, best first: {_percent(share)} of all, each with a probability of at least "
        f"{least:.2f}.\n"
    )
    if isinstance(expected, Unknown):
        return first + (
            f"How many of them to expect as {_target(written)} is not known here: {expected.why}.\n"
            f"Name the evaluation of version {version} with --evaluation."
        )
    cut = expected.at(count, written.rows)
    return first + (
        f"Expect about {round(cut.precision * count):,} of them to be {_target(written)} "
        f"({_percent(cut.precision)}, likely {_percent(cut.low)} to {_percent(cut.high)}): so many were among the best "
        f"{_percent(cut.share)} of the {expected.rows:,} customers\nthat version {version} was evaluated on. "
        f"Without a model it would be {_percent(expected.base)}."
    )


def _labels(written: Written) -> str:
    targets = {label: count for label, count in written.labels.items() if label != _REST}
    if not targets:
        return "none of them looks like a target"
    return ", ".join(
        f"{count:,} ({_percent(count / written.rows)}) look like {label}" for label, count in targets.items()
    )


def _target(written: Written) -> str:
    return next((label for label in written.labels if label != _REST), "targets")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
