"""Reports and model cards as they lie below the root: each one file, with its styles in it and without scripts."""

from __future__ import annotations

from pathlib import Path

from fastapi.responses import HTMLResponse

from ml.errors import RetrainError
from ml.storage.root import Root
from retraining.pages.guard import DOCUMENT_POLICY

MOST_BYTES = 8_000_000
"""A report has at most a fifth of that."""


def report(root: Root, run_id: str) -> HTMLResponse | None:
    """Return the report of a run; None when there is none, or the id cannot be one."""
    try:
        return _document(root.report(run_id), root)
    except RetrainError:
        return None


def card(root: Root, version: int) -> HTMLResponse | None:
    """Return the model card of a version; None when there is none."""
    return _document(root.card(version) / "card.html", root)


def _document(path: Path, root: Root) -> HTMLResponse | None:
    """Read a page that lies below the root's reports; a link that leads out of there is none."""
    try:
        if not path.resolve().is_relative_to(root.reports.resolve()) or path.stat().st_size > MOST_BYTES:
            return None
        content = path.read_bytes()
    except (OSError, ValueError, RuntimeError):
        return None
    return HTMLResponse(content, headers={"Content-Security-Policy": DOCUMENT_POLICY})
