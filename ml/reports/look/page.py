"""Pages by Jinja2: everything that comes from data is escaped, and a name that is missing is an error.

A page is one file: styles and drawings are in it, and it asks nobody for anything.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from ml.reports.look.palette import css_variables

_REPORTS = Path(__file__).resolve().parents[1]
_TEMPLATES = sorted(_REPORTS.glob("*/templates"))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["css_variables"] = css_variables
    return environment


def render(template: str, **content: Any) -> str:
    """Return the page that a template of this package makes of the content.

    Args:
        template: Its file name; `base.html` is the frame that the others extend, `parts.html` has what they share.
        content: What the template names. Drawings are put in as they are, everything else is escaped.
    """
    return _environment().get_template(template).render(**content)
