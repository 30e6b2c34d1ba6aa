"""The page on which people log in."""

from __future__ import annotations

import html
from pathlib import Path

STYLE = Path(__file__).with_name("style.css").read_bytes()
_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/login/style.css">
</head>
<body>
<main>
<h1>Log in</h1>
{content}
</main>
</body>
</html>
"""
_FORM = """<form method="post" action="/login">
<label for="token">Your token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus{described}>
<button>Log in</button>
</form>
<p class="muted">Whoever runs this gateway gives out tokens. You stay logged in for 12 hours, or until you log out.</p>
<p class="muted">Did a link bring you here though you are logged in? <a href="/">Go to the page.</a></p>"""


def login_page(problem: str = "", *, has_form: bool = True) -> bytes:
    """The page, as UTF-8.

    Args:
        problem: Why the last attempt failed; "" for none.
        has_form: Whether a token may be typed in.
    """
    told = f'<p id="problem" class="bad" role="alert">{html.escape(problem)}</p>\n' if problem else ""
    form = _FORM.format(described=' aria-invalid="true" aria-describedby="problem"' if problem else "")
    return _FRAME.format(content=told + (form if has_form else "")).encode()
