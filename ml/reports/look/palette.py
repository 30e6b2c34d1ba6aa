"""The colours of pages and plots, by what they mean; each is legible on its background, also to colour-blind eyes.

The pairs have a contrast of at least 4.5 to 1 with the background for text (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

from typing import NamedTuple


class Colour(NamedTuple):
    """A colour by its meaning.

    Attributes:
        light: As #rrggbb, on a light background.
        dark: As #rrggbb, on a dark background.
    """

    light: str
    dark: str


COLOURS = {
    "background": Colour("#ffffff", "#16181d"),
    "surface": Colour("#f5f6f8", "#1f232a"),
    "line": Colour("#d5d9e0", "#3a404b"),
    "ink": Colour("#1b1f26", "#e9ecf1"),
    "muted": Colour("#59616e", "#a6aebb"),
    "champion": Colour("#666e7a", "#9aa3b0"),
    "candidate": Colour("#0b63c4", "#6cb2ff"),
    "good": Colour("#00695a", "#4fd0b5"),
    "bad": Colour("#b3360b", "#ff9a70"),
    "warning": Colour("#7a5600", "#f0c04a"),
}
"""A plot is drawn in the light colours; a page shows them as CSS variables of the same names."""

BACKGROUND, SURFACE, LINE, INK, MUTED = (COLOURS[n].light for n in ("background", "surface", "line", "ink", "muted"))
CHAMPION, CANDIDATE = COLOURS["champion"].light, COLOURS["candidate"].light
GOOD, BAD, WARNING = COLOURS["good"].light, COLOURS["bad"].light, COLOURS["warning"].light


def css_variables(*, dark: bool) -> str:
    """Return the declarations of all colours as CSS variables."""
    return " ".join(f"--{name}: {colour.dark if dark else colour.light};" for name, colour in COLOURS.items())
