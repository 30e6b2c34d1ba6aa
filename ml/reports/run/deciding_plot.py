"""The picture that decides: what was asked of the candidate, a row for each question, with interval, bound and answer.

In each row more to the right is better: a difference is shown with the sign of a gain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml.evaluation.metric_table import ORDER, metric_text
from ml.gate.paired.contributions import PROFIT, SIGN
from ml.reports.look.palette import BACKGROUND, BAD, CANDIDATE, CHAMPION, GOOD, INK, LINE, MUTED
from ml.reports.look.plot import Plot, Table, drawing, svg_of

WIDTH, ROW, FRAME = 4.9, 0.48, 0.75
"""Inches: of the drawing, of a row, and of the axis below."""
NARROW = 4.0
"""That of the thresholds, which stand beside it."""
YES, NO, OPEN = "yes", "no", "cannot tell"


@dataclass(frozen=True)
class Question:
    """A row: what is asked of a difference, and what the numbers answer.

    Attributes:
        text: The question.
        gain: The difference, with the sign of a gain.
        low: The lower bound of the gain.
        high: The upper bound; None where only the lower one counts.
        level: One-sided, of each bound.
        bound: The gain that decides.
        answer: `YES`, `NO` or `OPEN`.
        is_good: Whether that speaks for the candidate; None when it does neither.
        rows: Evaluation rows.
    """

    text: str
    gain: float
    low: float
    high: float | None
    level: float
    bound: float
    answer: str
    is_good: bool | None
    rows: int


def questions(evidence: Mapping[str, Any], baseline: str, anchor: str) -> list[Question]:
    """Return what was asked of the candidate, the deciding metric first; nothing that is not defined."""
    found = _questions(evidence, baseline, anchor)
    return [one for one in found if one.gain is not None and one.low is not None]


def _questions(evidence: Mapping[str, Any], baseline: str, anchor: str) -> Iterator[Question]:
    primary, margin = evidence["primary"], evidence["margin"]
    for metric, of in evidence["differences"].items():
        if metric == primary:
            yield _against_zero(f"{_named(metric)}: better than {baseline}?", of, looks_for_gain=True)
    for metric, of in evidence["differences"].items():
        if metric != primary:
            loss = " (a loss, sign turned)" if SIGN.get(metric, 1) < 0 else ""
            yield _against_zero(f"{_named(metric)}{loss}: worse than {baseline}?", of, looks_for_gain=False)
    due = bool(evidence["refresh"]["due"])
    why = "for a refresh" if due else "no refresh is due"
    text = f"{primary}: at most {margin:g} below {baseline}? ({why})"
    yield _within(text, evidence["not_worse"], margin, counts=due)
    if evidence.get("anchor"):
        name = f"the anchor ({anchor})" if anchor else "the anchor"
        yield _within(f"{primary}: at most {margin:g} below {name}?", evidence["anchor"], margin)
    if of := evidence.get("gone_back_from"):
        yield _against_zero(f"{primary}: better than the quarantined version?", of, looks_for_gain=True)


def _named(metric: str) -> str:
    """Return what a row calls a metric; profit has the axis of the others, so it is not in money here."""
    return f"{metric}, in values of a target" if metric == PROFIT else metric


def _against_zero(text: str, of: Mapping[str, Any], *, looks_for_gain: bool) -> Question:
    low, high = of["lower"], of["upper"]
    is_better, is_worse = low is not None and low > 0, high is not None and high < 0
    if looks_for_gain:
        answer, is_good = (YES, True) if is_better else ("no, worse", False) if is_worse else (OPEN, None)
    else:
        answer, is_good = ("yes, worse", False) if is_worse else ("not shown", None)
    return Question(text, of["gain"], low, high, of["level"], 0.0, answer, is_good, of["rows"])


def _within(text: str, of: Mapping[str, Any], margin: float, *, counts: bool = True) -> Question:
    holds = of["lower"] is not None and of["lower"] >= -margin
    answer = YES if holds else "not shown"
    is_good = True if holds and counts else None
    return Question(text, of["gain"], of["lower"], None, of["level"], -margin, answer, is_good, of["rows"])


def difference_plot(evidence: Mapping[str, Any], baseline: str, anchor: str) -> Plot | None:
    """Draw the questions; None when no difference is defined."""
    asked = questions(evidence, baseline, anchor)
    if not asked:
        return None
    with drawing(inches=(WIDTH, FRAME + ROW * len(asked))) as (figure, axes):
        ends = [0.0, *(one.low for one in asked), *(one.high if one.high is not None else one.gain for one in asked)]
        ends += [one.bound for one in asked]
        room = 0.06 * (max(ends) - min(ends) or 0.01)
        left, right = min(ends) - room, max(ends) + room
        axes.set_xlim(left, right)
        axes.set_ylim(len(asked) - 0.3, -0.75)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for place, one in enumerate(asked):
            _draw(axes, place, one, right)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"difference to {baseline or 'the champion'}  (further right: the candidate is better)")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.3f}".replace("-", "\u2212") if value else "0")
        axes.locator_params(axis="x", nbins=6)
        svg = svg_of(figure, "differences")
    return Plot("differences", "What was asked of the candidate", _says(asked), svg, _table(asked))


def _draw(axes: Any, place: int, one: Question, right: float) -> None:
    colour = {True: GOOD, False: BAD, None: MUTED}[one.is_good]
    clear: dict[str, Any] = {  # of the line at 0
        "va": "center",
        "transform": axes.get_yaxis_transform(),
        "bbox": {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 1},
    }
    axes.text(0, place - 0.42, one.text, color=INK, **clear)
    axes.text(1, place - 0.42, one.answer, color=colour, ha="right", weight="bold", **clear)
    if one.bound:
        axes.plot([one.bound] * 2, [place - 0.22, place + 0.22], color=INK, linestyle=(0, (3, 2)), linewidth=1.2)
        axes.annotate(
            f"margin \u2212{-one.bound:g}", (one.bound, place + 0.2), xytext=(3, 0), textcoords="offset points",
            color=MUTED, fontsize=7.5, va="center",
        )  # fmt: skip
    high = right if one.high is None else one.high
    axes.plot([one.low, high], [place] * 2, color=CANDIDATE, linewidth=2.4, solid_capstyle="butt",
              alpha=1 if one.high is not None else 0.45)  # fmt: skip
    ends = [one.low] if one.high is None else [one.low, one.high]
    axes.plot(ends, [place] * len(ends), linestyle="", marker="|", markersize=9, color=CANDIDATE, markeredgewidth=1.8)
    axes.plot([one.gain], [place], linestyle="", marker="o", markersize=6, color=CANDIDATE)


def _says(asked: list[Question]) -> str:
    first = asked[0]
    return (
        "Each row is a rule of the gate. The dot is the difference on the evaluation rows "
        f"(n = {first.rows:,}), the line its interval; it must lie wholly right of 0 to be a gain, wholly left of it "
        "to be a loss. A pale line has no upper end: there only its left end counts, which must not lie left of the "
        "dashed margin."
    )


def _table(asked: list[Question]) -> Table:
    rows = [
        [
            one.text,
            signed(one.gain),
            signed(one.low),
            "-" if one.high is None else signed(one.high),
            f"{100 * (1 - one.level):.1f} %",
            "0" if not one.bound else signed(one.bound),
            one.answer,
        ]
        for one in asked
    ]
    return Table(
        ["question", "gain", "lower bound", "upper bound", "confidence, each side", "compared with", "answer"], rows
    )


def signed(value: float) -> str:
    """Return a difference with its sign and four decimals."""
    return f"{value:+.4f}".replace("-", "\u2212")


def threshold_plot(
    metrics: Mapping[str, Any], champion: Mapping[str, Any], judge: Mapping[str, Any], baseline: str
) -> Plot | None:
    """Draw each metric of the candidate beside the thresholds that it must reach; None without metrics."""
    bounds = {name: judge.get(name, {}) for name in ("at_least", "at_most")}
    shown = [name for name in ORDER if name != "ExampleCount" and metrics.get(name) is not None]
    if not shown:
        return None
    with drawing(inches=(NARROW, FRAME + 0.42 * len(shown))) as (figure, axes):
        values = [metrics[name] for name in shown]
        values += [of[name] for of in bounds.values() for name in shown if name in of]
        values += [champion[name] for name in shown if champion.get(name) is not None]
        axes.set_xlim(max(0, min(values) - 0.06), min(1, max(values) + 0.06))
        axes.set_ylim(len(shown) - 0.4, -0.6)
        for place, name in enumerate(shown):
            axes.axhline(place, color=LINE, linewidth=0.6)
            for of, sign in (("at_least", "\u2265"), ("at_most", "\u2264")):
                if name in bounds[of]:
                    bound = bounds[of][name]
                    axes.plot([bound] * 2, [place - 0.3, place + 0.3], color=INK, linestyle=(0, (3, 2)), linewidth=1.2)
                    axes.annotate(f"{sign} {bound:g}", (bound, place - 0.3), xytext=(3, 0),
                                  textcoords="offset points", color=MUTED, fontsize=7.5, va="center")  # fmt: skip
            if champion.get(name) is not None:
                axes.plot([champion[name]], [place], "D", color=CHAMPION, markersize=5)
            axes.plot([metrics[name]], [place], "o", color=_colour(name, metrics, bounds), markersize=7)
        axes.set_yticks(range(len(shown)), shown)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("value on the evaluation rows")
        svg = svg_of(figure, "thresholds")
    beside = f", the grey diamond {baseline}" if champion else ""
    says = (
        f"The dot is the candidate{beside}. A dashed line is a bound of the settings that every candidate must keep; "
        "a red dot does not."
    )
    return Plot("thresholds", "Thresholds", says, svg, _threshold_table(metrics, champion, bounds, baseline))


def _colour(name: str, metrics: Mapping[str, Any], bounds: Mapping[str, Mapping[str, float]]) -> str:
    low, high = bounds["at_least"].get(name, float("-inf")), bounds["at_most"].get(name, float("inf"))
    return CANDIDATE if low <= metrics[name] <= high else BAD


def _threshold_table(
    metrics: Mapping[str, Any], champion: Mapping[str, Any], bounds: Mapping[str, Any], baseline: str
) -> Table:
    head = ["metric", "candidate", *([baseline or "champion"] if champion else []), "at least", "at most"]
    rows = []
    for name in (name for name in ORDER if name in metrics):
        cells = [metrics[name], *([champion.get(name)] if champion else [])]
        cells += [bounds["at_least"].get(name), bounds["at_most"].get(name)]
        rows.append([name, *("-" if cell is None else metric_text(name, cell) for cell in cells)])
    return Table(head, rows)
