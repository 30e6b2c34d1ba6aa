"""A drawing fits any page: its colours follow the page, its text is text, and nothing in it clashes with another."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from ml.reports.look.palette import CANDIDATE, COLOURS, MUTED, Colour
from ml.reports.look.plot import drawing, svg_of


def drawn(name: str) -> str:
    with drawing() as (figure, axes):
        axes.plot([0, 1], [0, 1], color=CANDIDATE, marker="o")
        axes.axvline(0.5, color=MUTED, linestyle="--")
        axes.set_xlabel("share of customers (%) <&>")
        return svg_of(figure, name)


def test_colours_are_those_of_the_page_and_text_can_be_searched() -> None:
    svg = drawn("a")
    ET.fromstring(svg)
    assert f"var(--candidate, {CANDIDATE})" in svg
    assert re.sub(r"var\([^)]*\)", "", svg).count("#") == svg.count('href="#') + svg.count("url(#")
    assert "share of customers (%) &lt;&amp;&gt;" in svg


def test_the_same_drawing_has_the_same_bytes_and_two_share_no_id() -> None:
    assert drawn("a") == drawn("a")
    ids = [re.findall(r' id="([^"]+)"', drawn(name)) for name in ("a", "b")]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", sorted(set(COLOURS) - {"background", "surface", "line"}))
@pytest.mark.parametrize("ground", ["background", "surface"])
@pytest.mark.parametrize("mode", Colour._fields)
def test_text_has_enough_contrast(name: str, ground: str, mode: str) -> None:
    assert contrast(getattr(COLOURS[name], mode), getattr(COLOURS[ground], mode)) >= 4.5
