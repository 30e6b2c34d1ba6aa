"""The lines of a rehearsal as a table for people, and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from ml.rehearsal.fact import Line

WIDTHS = {"fault": 20, "what happened": 58, "should": 30, "ok": 3}
"""The columns, and the letters that each may take: 117 with what stands between them."""


def table(lines: Sequence[Line]) -> str:
    """Return the table, one row or more a fault, and a last line that counts."""
    bar = "-+-".join("-" * width for width in WIDTHS.values())
    text = [_row(list(WIDTHS)), bar]
    for line in lines:
        text += [*_cells(line), bar]
    wrong = [line.fault for line in lines if not line.ok]
    counted = f"{len(lines)} lines, {len(wrong)} wrong{': ' if wrong else ''}{', '.join(wrong)}"
    return "\n".join([*text, f"{counted}; {sum(line.seconds for line in lines):.0f} s."])


def as_json(lines: Sequence[Line]) -> dict[str, Any]:
    """Return the lines as plain JSON values."""
    return {
        "ok": all(line.ok for line in lines),
        "seconds": round(sum(line.seconds for line in lines), 1),
        "lines": [
            {
                "fault": line.fault,
                "happened": line.happened,
                "should": line.should,
                "ok": line.ok,
                "seconds": round(line.seconds, 1),
            }
            for line in lines
        ],
    }


def _cells(line: Line) -> Iterator[str]:
    texts = (line.fault, line.happened, line.should, "yes" if line.ok else "NO")
    wrapped = [textwrap.wrap(text, width) for text, width in zip(texts, WIDTHS.values(), strict=True)]
    for cells in zip_longest(*wrapped, fillvalue=""):
        yield _row(cells)


def _row(cells: Sequence[str]) -> str:
    return " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS.values(), strict=True)).rstrip()
