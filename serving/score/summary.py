"""The summary that the command prints: what was scored, whom to target, and what to expect."""

from __future__ import annotations

from pathlib import Path

from serving.score.expected_precision import ExpectedPrecision, Unavailable
from serving.score.output_files import ScoredRows

_REST = "rest"


def sample_warning(version: int) -> str:
    """The line that goes before everything else when the model was trained on made-up customers."""
    return f"SAMPLE: version {version} was trained on made-up customers. Nothing here says anything about real ones.\n"


def scores_summary(written: ScoredRows, version: int, out: Path) -> str:
    """How many customers got each label, and the file in which they are."""
    return f"Scored {written.rows:,} customers with version {version}: {_labels(written)}. All are in {out}."


def ranking_summary(
    written: ScoredRows, version: int, out: Path, *, count: int, least: float, expected: ExpectedPrecision | Unavailable
) -> str:
    """The same for a ranking, and the precision to expect.

    Args:
        written: The rows that were scored.
        version: The version that scored them.
        out: The file with the ranking.
        count: How many customers are in it.
        least: The probability of the last of them.
        expected: The precision to expect, or why it is not known.
    """
    share = count / written.rows
    first = (
        f"Scored {written.rows:,} customers with version {version}: {_labels(written)}.\n"
        f"Target the {count:,} in {out}, best first: {_percent(share)} of all, each with a probability of at least "
        f"{least:.2f}.\n"
    )
    if isinstance(expected, Unavailable):
        return first + (
            f"How many of them to expect to be {_target(written)} is not known: {expected.reason}.\n"
            f"Give the evaluation of version {version} with --evaluation."
        )
    cut = expected.at(count, written.rows)
    return first + (
        f"Expect about {round(cut.precision * count):,} of them to be {_target(written)} "
        f"({_percent(cut.precision)}, likely {_percent(cut.low)} to {_percent(cut.high)}): that was the "
        f"share among the best {_percent(cut.share)} of the {expected.rows:,} customers\non which version {version} "
        f"was evaluated. Without a model, expect {_percent(expected.base_rate)}."
    )


def _labels(written: ScoredRows) -> str:
    targets = {label: count for label, count in written.labels.items() if label != _REST}
    if not targets:
        return "none of them looks like a target"
    return ", ".join(
        f"{count:,} ({_percent(count / written.rows)}) look like {label}" for label, count in targets.items()
    )


def _target(written: ScoredRows) -> str:
    return next((label for label in written.labels if label != _REST), "targets")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
