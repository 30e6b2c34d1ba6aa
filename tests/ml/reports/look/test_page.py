"""A page is one file that asks nobody for anything, and what comes from data cannot become part of it."""

from __future__ import annotations

import re

import jinja2
import pytest

from ml.reports.look.page import _environment, render
from ml.reports.look.plot import Plot, Table


def test_the_frame_loads_nothing() -> None:
    page = render("base.html")
    assert not re.search(r"<script|<link|https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_what_comes_from_data_is_escaped_and_a_drawing_is_not() -> None:
    bad = "<script>alert(1)</script>"
    plot = Plot("p", bad, bad, "<svg></svg>", Table([bad], [[bad]]))
    parts = _environment().from_string("{% import 'parts.html' as parts %}{{ parts.plot(plot) }}")
    shown = parts.render(plot=plot)
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 5
    assert "<svg></svg>" in shown


def test_a_missing_name_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        _environment().from_string("{{ missing }}").render()
