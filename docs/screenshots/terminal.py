"""The output of a command as a terminal shows it, as a web page that can be photographed."""

from __future__ import annotations

import html
import re

COLUMNS = 118
_STYLE = """
body { margin: 0; background: #fff; }
#terminal { box-sizing: border-box; width: 1288px; padding: 18px 24px; border-radius: 8px; background: #1b1f24;
  color: #d7dde4; font: 15px/1.38 'DejaVu Sans Mono', monospace; white-space: pre; }
.typed, .good { color: #7ee0a1; }
.bad { color: #ff9a8d; }
.strong { color: #fff; font-weight: bold; }
"""
_MARKS = (
    (re.compile(r"^(\$ .*)$", re.MULTILINE), r'<span class="typed">\1</span>'),
    (re.compile(r"^(  \w+ +)(done)\b", re.MULTILINE), r'\1<span class="good">\2</span>'),
    (re.compile(r"^(  \w+ +)(failed)\b", re.MULTILINE), r'\1<span class="bad">\2</span>'),
    (re.compile(r"^(Verdict: .*|Promoted.*|Rejected.*)$", re.MULTILINE), r'<span class="strong">\1</span>'),
)


def terminal_page(command: str, output: str) -> str:
    """A page whose element `#terminal` shows the command and its output, long lines wrapped at `COLUMNS`."""
    lines = [f"$ {command}", *output.rstrip().splitlines()]
    text = html.escape("\n".join(part for line in lines for part in _wrapped(line)), quote=False)
    for pattern, replacement in _MARKS:
        text = pattern.sub(replacement, text)
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style><div id=terminal>{text}</div>"


def _wrapped(line: str) -> list[str]:
    """As a terminal does it: in the middle of a word."""
    return [line[start : start + COLUMNS] for start in range(0, len(line), COLUMNS)] or [""]
