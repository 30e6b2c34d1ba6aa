"""The picture of a terminal shows all that the command printed, as it stands."""

from __future__ import annotations

import html
import re

from docs.screenshots.terminal import COLUMNS, terminal_page


def shown(page: str) -> str:
    """The text that a browser shows of the terminal."""
    block = re.search(r"<div id=terminal>(.*)</div>", page, re.DOTALL)
    assert block is not None
    return html.unescape(re.sub(r"<[^>]+>", "", block[1]))


def test_command_and_output_are_shown_unchanged() -> None:
    output = "  ingest     done    2.2 s\n\nVerdict: the candidate earns promotion\n  AUC 0.8785 >= 0.8500 & <b>\n"
    assert shown(terminal_page("make demo", output)) == f"$ make demo\n{output.rstrip()}"


def test_a_long_line_is_wrapped_and_loses_nothing() -> None:
    lines = shown(terminal_page("x", "a" * (2 * COLUMNS + 5))).splitlines()
    assert [len(line) for line in lines[1:]] == [COLUMNS, COLUMNS, 5]


def test_what_was_done_and_what_failed_is_marked() -> None:
    page = terminal_page("x", "  ingest     done    2.2 s\n  validate   failed  1.0 s")
    assert '<span class="good">done</span>' in page
    assert '<span class="bad">failed</span>' in page
