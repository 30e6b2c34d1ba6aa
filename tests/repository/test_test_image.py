"""The test image holds what its tests need: the rooms that they import, and the pages that they read."""

from __future__ import annotations

import re
from pathlib import Path

from ml.storage.root import PROJECT

TESTED_IN_IT = ("dags", "plugins", "ml", "serving")
IMPORT = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)
PAGE = re.compile(r'PROJECT / "docs" / "([\w.-]+)"')
SOURCES = [path for room in TESTED_IN_IT for path in sorted((PROJECT / "tests" / room).rglob("*.py"))]
COPIED = re.findall(r"^COPY (?!--)(.+) \S+$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
HELD = {name for names in COPIED for name in names.split()}
SENT = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}


def test_the_rooms_that_tests_import_are_in_the_image() -> None:
    rooms = {path.name for path in PROJECT.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    imported = {name for path in SOURCES for name in IMPORT.findall(path.read_text())} & rooms
    assert {"benchmarks", "ml"} <= imported
    assert imported - HELD == set()
    assert imported - SENT == set()


def test_the_pages_that_tests_read_are_in_the_image() -> None:
    pages = {f"docs/{name}" for path in SOURCES for name in PAGE.findall(path.read_text())}
    assert "docs/gate.md" in pages
    assert pages - HELD == set()
    assert pages - SENT == set()
    assert all(Path(PROJECT / page).is_file() for page in pages)
