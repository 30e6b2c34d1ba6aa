"""HTML by Jinja2 from the templates beside this file: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import jinja2

from serving.gateway.access.page_door import PAGES, Visitor
from serving.gateway.outcomes.outcome_rows import MOST_ROWS as MOST_OUTCOMES
from serving.gateway.outcomes.uploads import MOST_BYTES
from serving.gateway.page.keeping import Keeping
from serving.gateway.page.work.tasks import MOST_EXPLAINED, MOST_ROWS

_HERE = Path(__file__).resolve().parent
STATIC = {
    "page.css": "text/css; charset=utf-8",
    **{
        f"{name}.js": "text/javascript; charset=utf-8"
        for name in (
            *("choice", "curves", "drop", "file", "kept", "list", "outcomes", "page", "server", "session", "words"),
        )
    },
}


class Rendered:
    """The pages and what they load.

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
        self._environment = environment
        self._model, self._body_bytes = model, body_bytes
        self._content = {
            "most_rows": MOST_ROWS,
            "most_explained": MOST_EXPLAINED,
            "unused_minutes": max(1, round(kept.unused_seconds / 60)),
            "keep_days": f"{kept.days:g}",
        }

    def index(self, visitor: Visitor) -> str:
        """The page on which a file becomes a list.

        Args:
            visitor: Who asks for it.
        """
        other = PAGES["outcomes"] if "outcomes" in visitor.scopes else ""
        return self._page("index.html", visitor, other, most_bytes=self._most_bytes(visitor), **self._content)

    def outcomes(self, visitor: Visitor, *, are_taken: bool, words: tuple[str, str] | None) -> str:
        """The page on which outcomes are sent.

        Args:
            visitor: Who asks for it.
            are_taken: Whether the gateway takes any.
            words: The two words that an outcome may have; None when they are not known.
        """
        return self._page(
            "outcomes.html",
            visitor,
            PAGES["score"] if "score" in visitor.scopes else "",
            most_bytes=min(MOST_BYTES, self._most_bytes(visitor)),
            most_rows=MOST_OUTCOMES,
            are_taken=are_taken,
            may_send="outcomes" in visitor.scopes,
            words=words,
            today=datetime.now(UTC).date().isoformat(),
        )

    def _most_bytes(self, visitor: Visitor) -> int:
        """How large a file may be that somebody sends: the page says so before it sends one."""
        return self._body_bytes if visitor.most_bytes is None else min(self._body_bytes, visitor.most_bytes)

    def _page(self, template: str, visitor: Visitor, other_page: str, **content: object) -> str:
        about = {"asset": _asset_version(), "model": self._model, "has_session": bool(visitor.session)}
        return self._environment.get_template(template).render(**about, other_page=other_page, **content)

    def static(self, name: str) -> tuple[bytes, str] | None:
        """A style sheet or script, and its media type; None for a name that is none."""
        return (_bytes_of(name), STATIC[name]) if name in STATIC else None


@cache
def _bytes_of(name: str) -> bytes:
    return (_HERE / "static" / name).read_bytes()


@cache
def _asset_version() -> str:
    return hashlib.sha256(b"".join(map(_bytes_of, STATIC))).hexdigest()[:12]
