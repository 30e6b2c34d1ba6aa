"""The parts of a Markdown page that can be wrong: headings, links, and blocks of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.repository.tracked_files import tracked_files

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
RUNNABLE = "sh"
"""The language of the blocks that run as they stand, from the project's directory. Others show output or a pattern."""


def pages() -> list[Path]:
    """Every Markdown file of ours."""
    return [page for page in tracked_files("*.md") if "golden" not in page.parts]


def anchors(page: str) -> set[str]:
    """What GitHub makes of the headings of a page."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", re.sub(r"\[(.+?)\]\(.+?\)", r"\1", heading).strip().lower()).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return set(found)


def links(page: str) -> list[str]:
    """The targets of links and pictures, those in blocks and code left out."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", page)))


def commands(page: str) -> Iterator[str]:
    """Each command of the runnable blocks, its continuation lines joined and its comment cut off."""
    for language, block in FENCE.findall(page):
        if language == RUNNABLE:
            for line in block.replace("\\\n", " ").splitlines():
                command = re.sub(r"(^|\s)#.*$", "", line).strip()
                if command:
                    yield command
