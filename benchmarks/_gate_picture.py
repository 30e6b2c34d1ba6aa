"""The picture of docs/gate.md: the interval of each candidate's difference, and what the gate makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 190, 30, 62, 17
LOW, HIGH = -0.010, 0.016
COLOURS = {"better": "#1a7f37", "worse": "#b3261e", "kept": "#5f6b7a", "refresh": "#1f5fa8"}
GREY, INK = "#d4d8dd", "#1d2733"


@dataclass(frozen=True)
class Candidate:
    """One line of the picture: difference in AUC with its two bounds, and the outcome."""

    name: str
    value: float
    lower: float
    upper: float
    outcome: str


def picture(candidates: Sequence[Candidate], *, margin: float, title: str) -> str:
    """Return an SVG; the candidates from the highest difference to the lowest."""
    rows = sorted(candidates, key=lambda one: -one.value)
    bottom = TOP + ROW * len(rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 62}" '
        f'viewBox="0 0 {WIDTH} {bottom + 62}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(LEFT, 22, title, "start", weight="600", size=14),
    ]
    for tick in range(-10, 17, 5):
        x = _x(tick / 1000)
        lines += [_line(x, TOP - 6, x, bottom, GREY), _text(x, bottom + 16, f"{tick / 1000:+.3f}")]
    lines += [
        _line(_x(0), TOP - 6, _x(0), bottom, INK, 1.5),
        _text(_x(0), TOP - 12, "equal"),
        _line(_x(-margin), TOP - 6, _x(-margin), bottom, COLOURS["refresh"], 1.5, "4 3"),
        _text(_x(-margin), TOP - 12, f"margin of a refresh, {margin:g}"),
        _text(_x(0.003), bottom + 36, "AUC of the candidate less that of the champion, with its interval"),
    ]
    for place, one in enumerate(rows):
        y, colour = TOP + ROW * (place + 0.5), COLOURS[one.outcome]
        lines += [
            _text(LEFT - 14, y + 4, f"{one.name}: {one.outcome}", "end", colour=colour),
            _line(_x(one.lower), y, _x(one.upper), y, colour, 2.5),
            f'<circle cx="{_x(one.value):.1f}" cy="{y:.1f}" r="3.8" fill="{colour}"/>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _x(value: float) -> float:
    return LEFT + (min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW) * (WIDTH - LEFT - RIGHT)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _text(
    x: float, y: float, words: str, anchor: str = "middle", *, weight: str = "400", size: int = 12, colour: str = INK
) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} font-weight="{weight}" font-size="{size}" fill="{colour}">{words}</text>'
