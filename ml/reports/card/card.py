"""Write the card of a version as HTML, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml.reports.card.content import content_of
from ml.reports.look.page import render
from ml.reports.look.plot import Table
from ml.storage import files
from ml.storage.root import Root


def write_card(root: Root, version: int) -> Path:
    """Write the card into `Root.card`, and return the path of its HTML page; equal files make equal cards.

    Raises:
        FinalError: There is no such version, its files are damaged, or the disk refuses.
        TransientError: The disk is full.
    """
    with files.disk_errors(f"the card of version {version}"):
        content, place = content_of(root, version), root.card(version)
        files.make_directories(place)
        files.write_json(place / "model-card.json", as_json(content))
        files.write_whole(place / "card.md", markdown(content).encode(errors="replace"))
        files.write_whole(place / "card.html", render("card.html", **content).encode(errors="replace"))
        return place / "card.html"


def as_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card as a program reads it."""
    sections = [
        {
            "name": one.name,
            "title": one.title,
            "says": list(one.says),
            "tables": [{"title": title, "head": table.head, "rows": table.rows} for title, table in one.tables],
        }
        for one in content["sections"]
    ]
    return {**content, "sections": sections}


def markdown(content: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {content['title']}"
    if content["sample"]:
        yield f"\n**SAMPLE**: {content['sample']}."
    for section in content["sections"]:
        yield f"\n## {section.title}\n"
        yield "\n\n".join(_plain(text) for text in section.says)
        for title, table in section.tables:
            yield f"\n### {title}\n" if title else ""
            yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(table.head) + " |"
    yield "|" + "---|" * len(table.head)
    for row in table.rows:
        yield "| " + " | ".join(_plain(cell) for cell in row) + " |"


def _plain(text: str) -> str:
    """Return text from data so that it cannot become a cell, a line or HTML of its own."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
