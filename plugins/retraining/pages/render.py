"""HTML by Jinja2 from the templates beside this file: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from ml.reports.look.palette import css_variables
from ml.storage.root import PROJECT
from retraining.pages.mount import PREFIX

_HERE = Path(__file__).resolve().parent
_SHARED_STYLE = PROJECT / "ml" / "reports" / "look" / "templates" / "style.css"
STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8",
}


def page(request: Request, template: str, *, status: int = 200, **content: Any) -> HTMLResponse:
    """Return the page that a template makes of the content, with the addresses that every page needs."""
    mount = request.scope.get("root_path", PREFIX)
    text = (
        _environment()
        .get_template(template)
        .render(
            base=mount,
            airflow=mount.removesuffix(PREFIX),
            asset=_asset_version(),
            now=datetime.now(UTC),
            **content,
        )
    )
    return HTMLResponse(text, status_code=status)


def static(name: str) -> Response | None:
    """Return a style sheet or script of the pages; None for a name that is none."""
    if name not in STATIC:
        return None
    # Its address changes with its bytes.
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(_bytes_of(name), media_type=STATIC[name], headers=headers)


def style() -> str:
    """Return the style sheet, for a page that whoever is not logged in sees."""
    return _bytes_of("page.css").decode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "when": _when,
        "path": lambda text: quote(str(text), safe=""),
        "thousands": _thousands,
        "pretty": _pretty,
        "unbroken": lambda text: text.replace(" %", "\u00a0%"),  # no line breaks before a per cent sign
    }
    environment.filters |= filters
    return environment


@cache
def _bytes_of(name: str) -> bytes:
    content = (_HERE / "static" / name).read_bytes()
    if name != "page.css":
        return content
    dark, light = css_variables(dark=True), css_variables(dark=False)
    colours = (
        f":root {{ color-scheme: light; {light} }}\n"
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ color-scheme: dark; {dark} }} }}\n'
        f':root[data-theme="dark"] {{ color-scheme: dark; {dark} }}\n'
    )
    return colours.encode() + _SHARED_STYLE.read_bytes() + content


@cache
def _asset_version() -> str:
    return hashlib.sha256(b"".join(map(_bytes_of, STATIC))).hexdigest()[:12]


def _when(moment: datetime | str) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _thousands(number: int) -> str:
    return f"{number:,}"


def _pretty(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, indent=1, ensure_ascii=False)
