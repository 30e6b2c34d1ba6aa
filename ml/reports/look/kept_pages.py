"""Pages on the disk: written whole, and of each kind at most so many, the newest."""

from __future__ import annotations

from pathlib import Path

from ml.storage import files

MOST_PAGES = 200
"""What a page tells of may go sooner."""


def keep_page(place: Path, page: str) -> None:
    """Write a page to its place, and remove the oldest ones beside it that are too many.

    Raises:
        OSError: The disk refuses.
    """
    files.make_directories(place.parent)
    files.write_whole(place, page.encode(errors="replace"))
    pages = sorted(place.parent.glob("*.html"), key=lambda one: one.stat().st_mtime, reverse=True)
    for one in pages[MOST_PAGES:]:
        one.unlink(missing_ok=True)
