"""The summary that the command prints: what was scored, whom to target, and what to expect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from serving.expectation.calibration import Expectation
from serving.expectation.unlikeness import FALSE_ALARMS
from serving.expectation.version_evaluation import VersionEvaluation
from serving.score.columns.extra_columns import UNLIKE
from serving.score.lists.drawn_list import CONTROL, EXPLORED, DrawnList
from serving.score.lists.money import ListMoney
from serving.score.output_files import ScoredRows

_REST = "rest"


def sample_warning(version: int) -> str:
    """The line that goes before everything else when the model was trained on made-up customers."""
    return f"SAMPLE: version {version} was trained on made-up customers. Nothing here says anything about real ones.\n"


def scores_summary(
    written: ScoredRows, version: int, out: Path, *, unlike: int | None, drawn: DrawnList | None = None
) -> str:
    """How many customers got each label, the file in which they are, and how many are unlike the training data.

    Args:
        written: The rows that were scored.
        version: The version that scored them.
        out: The file.
        unlike: How many are unlike the training data; None when that is not known.
        drawn: All of them as a list, some of whom may be left alone; None when nobody said whom to ask.
    """
    lots = _lots(drawn, None) if drawn else ()
    return "\n".join((f"{_scored(written, version)} All are in {out}.", *lots, *_unlike(unlike)))


def _lots(drawn: DrawnList, least: float | None) -> Iterator[str]:
    """What lots decided in a list; `least` as in `ranking_summary`."""
    explored, alone = int(drawn.draw.explored.sum()), int(drawn.draw.control.sum())
    if explored:
        by_rank = f"{len(drawn) - explored:,} of them have a probability of at least {least:.2f}; " if least else ""
        yield (
            f"{by_rank}{explored:,} {'was' if explored == 1 else 'were'} drawn by lot from all others and "
            f"{'is' if explored == 1 else 'are'} marked {EXPLORED}, so that something becomes known of those, too."
        )
    if alone:
        yield (
            f"Leave {alone:,} alone, drawn by lot and marked {CONTROL}, and contact the other {drawn.contacts:,}: the "
            "difference between the two will show what a contact brings."
        )
    yield from (f"{note[:1].upper()}{note[1:]}." for note in drawn.notes())


def ranking_summary(
    written: ScoredRows,
    version: int,
    out: Path,
    *,
    asked: int,
    drawn: DrawnList,
    least: float | None,
    expected: tuple[Expectation, float] | None,
    evaluation: VersionEvaluation,
    money: ListMoney | None,
    unlike: int | None,
) -> str:
    """The same for a ranking, and what to expect of the list that was written.

    Args:
        written: The rows that were scored.
        version: The version that scored them.
        out: The file with the ranking.
        asked: How many customers were wanted.
        drawn: The list.
        least: The probability of the last of those who are on it by rank; None when there is nobody.
        expected: What to expect of those who are contacted, and the expected share of targets among all customers of
            the file.
        evaluation: What is known of the version.
        money: What the list costs and brings; None when nothing is said in money.
        unlike: How many of the list are unlike the training data; None when that is not known.
    """
    target = evaluation.target or _label(written) or "targets"
    count, by_lot = len(drawn), int(drawn.draw.explored.sum())
    in_money = [*money.sentences(target)] if money else []
    if not count:
        return "\n".join((_scored(written, version), f"Nobody is in {out}.", *in_money))
    lines = [
        _scored(written, version),
        f"{'Target the' if _label(written) else 'The most likely are the'} {count:,} in {out}, best first: "
        f"{percent(count / written.rows)} of all"
        + (f", each with a probability of at least {least:.2f}." if least is not None and not by_lot else "."),
        *_lots(drawn, least),
    ]
    if count != asked:
        lines.append(
            f"Asked for were {asked:,}; customers with the same probability as the last one are "
            f"{'taken' if count > asked else 'left'} together."
        )
    if expected is None and not drawn.contacts:
        lines.append("Nobody is contacted.")
    elif expected is None:
        lines.append(f"How many of them to expect to be {target} is not known: {evaluation.reason}.")
        lines.append(evaluation.cure)
    else:
        best, everybody = expected
        contacts = drawn.contacts
        of_them = "them" if contacts == count else f"the {contacts:,} who are contacted"
        lines.append(
            f"Expect about {round(best.share * contacts):,} of {of_them} to be {target} ({percent(best.share)}, likely "
            f"{percent(best.low)} to {percent(best.high)}): the mean of their calibrated probabilities.\n"
            f"Without a model, expect {percent(everybody)} of any {contacts:,} customers of this file."
        )
    return "\n".join((*lines, *in_money, *_unlike(unlike)))


def _unlike(count: int | None) -> Iterator[str]:
    if count:
        yield (
            f"{count:,} of them {'is' if count == 1 else 'are'} unlike the customers of its training, by so many bits "
            f"as the column {UNLIKE} says; of customers as in training about {percent(FALSE_ALARMS)} would be."
        )


def far_warning(distances: str, version: int) -> str:
    """What it means that a file is far from the training data; `distances` name the columns."""
    return (
        f"these customers are not like those on which version {version} was trained: {distances}. What to "
        "expect is reckoned from these very rows and allows for that, as long as customers of a kind behave as they "
        "did in training. If they changed, or training saw few of their kind, it may be wrong: check a sample first"
    )


def guarded_note(count: int) -> str:
    """What happened to texts that begin like a formula."""
    texts = "1 text begins" if count == 1 else f"{count:,} texts begin"
    return f"{texts} like a formula: a ' was written before it, so that no spreadsheet runs it"


def _scored(written: ScoredRows, version: int) -> str:
    return f"Scored {written.rows:,} customers with version {version}: {_labels(written)}."


def _labels(written: ScoredRows) -> str:
    targets = {label: count for label, count in written.labels.items() if label != _REST}
    if not targets:
        return "none is more likely a target than not"
    return ", ".join(
        f"{count:,} ({percent(count / written.rows)}) look like {label}" for label, count in targets.items()
    )


def _label(written: ScoredRows) -> str:
    return next((label for label in written.labels if label != _REST), "")


def percent(share: float) -> str:
    """A share as people say it."""
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"
