"""Write the card of a version as HTML, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml.audit.damage import damages
from ml.errors import FinalError, printable
from ml.registry.policy.provenance import SAMPLE, SAMPLE_WARNING, kind_of
from ml.reports.card.changes_part import changes_part
from ml.reports.card.live_part import live_part
from ml.reports.card.material import Material, Part
from ml.reports.card.model_part import model_part
from ml.reports.card.target_part import target_part
from ml.reports.card.trust_part import trust_part
from ml.reports.card.use_part import use_part
from ml.reports.look.page import render
from ml.reports.look.plot import Table
from ml.storage import files
from ml.storage.root import Root
from ml.storage.strict_json import without_nan

DAMAGED = "what was recorded of it was changed since it was published, and what stands below with it"
MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
"""What a record that was edited, or written by another version of this code, can raise."""
PARTS = (target_part, live_part, model_part, trust_part, changes_part, use_part)


def write_card(root: Root, version: int) -> Path:
    """Write the card into `Root.card`, and return the path of its HTML page; equal files make equal cards.

    Raises:
        FinalError: There is no such version, its files are damaged, or the disk refuses.
        TransientError: The disk is full.
    """
    with files.disk_errors(f"the card of version {version}"):
        try:
            content, place = content_of(root, version), root.card(version)
        except MALFORMED as error:
            raise FinalError(
                f"The card of version {version} cannot be made: a file in {root.release(version)} is malformed "
                f"({type(error).__name__}: {printable(error)}).",
                f"Restore that directory from a backup; python -m ml verify {version} tells whether it was changed.",
            ) from error
        files.make_directories(place)
        files.write_json(place / "model-card.json", as_json(content))
        files.write_whole(place / "card.md", markdown(content).encode(errors="replace"))
        files.write_whole(place / "card.html", _html(content).encode(errors="replace"))
        return place / "card.html"


def content_of(root: Root, version: int) -> dict[str, Any]:
    """Return what the card says: `version`, `title`, `headline`, `parts`, and what must be said before ("" if not).

    Raises:
        FinalError: There is no such version, or its files are damaged.
    """
    of = Material(root, version)
    first, *others = (make(of) for make in PARTS)
    headline, *says = first.section.says
    parts = [replace(first, section=replace(first.section, says=says)), *others]
    return {
        "version": version,
        "title": f"Model card: version {version}",
        "sample": SAMPLE_WARNING if kind_of(of.original.entry) == SAMPLE else "",
        "put_away": of.put_away,
        "damaged": DAMAGED if damages(of.subject) else "",
        "headline": headline,
        "parts": parts,
    }


def as_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card as a program reads it: the numbers of each part by its name, and its sentences."""
    parts: list[Part] = content["parts"]
    named = {part.section.name: {**part.numbers, "says": list(part.section.says)} for part in parts}
    head = {name: content[name] for name in ("put_away", "sample", "damaged", "version", "title", "headline")}
    return dict(without_nan({**head, **named}))


def _html(content: Mapping[str, Any]) -> str:
    """Return the card as a page, on which no line breaks before a per cent sign."""
    return render("card.html", **content).replace(" %", "\u00a0%")


def markdown(content: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    if content["put_away"]:
        yield f"**{_plain(content['put_away'])}**\n"
    if content["sample"]:
        yield f"**SAMPLE**: {content['sample']}.\n"
    if content["damaged"]:
        yield f"**DAMAGED**: {content['damaged']}.\n"
    yield f"# {content['title']}"
    yield f"\n**{_plain(content['headline'])}**"
    for part in content["parts"]:
        yield f"\n## {part.section.title}"
        yield from (f"\n{_plain(text)}" for text in part.section.says)
        for title, table in part.section.tables:
            yield f"\n### {title}\n" if title else ""
            yield from _table(table)
        for told, command in part.commands:
            yield f"\n{told}\n\n```sh\n{command}\n```"


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(_plain(name) for name in table.head) + " |"
    yield "|" + "---|" * len(table.head)
    for row in table.rows:
        yield "| " + " | ".join(_plain(cell) for cell in row) + " |"


def _plain(text: str) -> str:
    """Return text from data so that it cannot become a cell, a line, a link or HTML of its own."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\`*_[]|":
        text = text.replace(mark, f"\\{mark}")
    return text
