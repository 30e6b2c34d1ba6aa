"""HTML by Jinja2 from the templates beside this file: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import jinja2

from serving.gateway.page.keeping import Keeping
from serving.gateway.page.work.tasks import MOST_EXPLAINED, MOST_ROWS

_HERE = Path(__file__).resolve().parent
STATIC = {
    "page.css": "text/css; charset=utf-8",
    **{
        f"{name}.js": "text/javascript; charset=utf-8"
        for name in ("choice", "curves", "file", "kept", "list", "page", "server", "words")
    },
}


class Rendered:
    """The page and what it loads.

    Args:
        model: The model that answers.
        body_bytes: How large a file may be.
        kept: How long what people send stays.
    """

    def __init__(self, model: str, *, body_bytes: int, kept: Keeping) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._page = environment.get_template("index.html")
        self._content = {
            "model": model,
            "most_bytes": body_bytes,
            "most_rows": MOST_ROWS,
            "most_explained": MOST_EXPLAINED,
            "unused_minutes": max(1, round(kept.unused_seconds / 60)),
            "keep_days": f"{kept.days:g}",
        }

    def index(self, *, has_session: bool) -> str:
        """The page.

        Args:
            has_session: Whether there is a session that a logout ends.
        """
        return self._page.render(asset=_asset_version(), has_session=has_session, **self._content)

    def static(self, name: str) -> tuple[bytes, str] | None:
        """A style sheet or script, and its media type; None for a name that is none."""
        return (_bytes_of(name), STATIC[name]) if name in STATIC else None


@cache
def _bytes_of(name: str) -> bytes:
    return (_HERE / "static" / name).read_bytes()


@cache
def _asset_version() -> str:
    return hashlib.sha256(b"".join(map(_bytes_of, STATIC))).hexdigest()[:12]
