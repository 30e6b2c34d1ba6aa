"""A plot as an inline SVG that follows the page's colours, with its text alternative and its numbers as a table.

Matplotlib draws it in the light colours of the palette, which become CSS variables afterwards.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ml.reports.look.palette import COLOURS, INK, LINE, MUTED

INCHES = 7.2, 3.0
"""Width and height of an ordinary plot; a page scales it to its column."""
_FONT = "DejaVu Sans"  # comes with matplotlib, which measures with it; readers see the font of the page
_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched, read out and scaled
    "font.family": _FONT,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "savefig.transparent": True,
    "text.parse_math": False,  # a $ in the data is a $
}


@dataclass(frozen=True)
class Table:
    """Numbers as people read them.

    Attributes:
        head: The names of the columns, with units.
        rows: The cells as text, in the order of `head`; the first names the row.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plot:
    """A plot of a page.

    Attributes:
        name: A word for addresses and ids, unique on its page: letters, digits and hyphens.
        title: What the plot shows, as a heading of a few words.
        says: What one should see in it, in a sentence: the text alternative, also shown below the title.
        svg: The drawing.
        table: The same numbers.
    """

    name: str
    title: str
    says: str
    svg: str
    table: Table


@contextmanager
def drawing(*, inches: tuple[float, float] = INCHES, rows: int = 1, columns: int = 1) -> Iterator[tuple[Any, Any]]:
    """Give a figure and its axes (one, or an array of them) in the style of the pages; no display is needed."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # readers see the font of the page
        figure = Figure(figsize=inches, layout="constrained")
        yield figure, figure.subplots(rows, columns)


def svg_of(figure: Any, name: str) -> str:
    """Return the drawing as an element for a page: the same bytes for the same figure and name."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # every figure has an axes_1, and a page has many figures
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', svg, count=1)
    svg = svg.replace("xlink:href", "href").replace(f"'{_FONT}'", "system-ui, sans-serif")
    for colour, pair in COLOURS.items():
        svg = svg.replace(f": {pair.light}", f": var(--{colour}, {pair.light})")
    return re.sub(r"\n\s*", "\n", svg).strip()
