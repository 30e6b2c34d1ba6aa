"""The choice of data in the Trigger form: what the form lists, each with a line of help, and what it takes.

It takes more than it lists: a file may have come into the inbox since the DAG was parsed, or lie where the DAG
processor cannot look. The form reads `enum`, and Airflow's check follows `$ref`, beside which nothing else counts in
draft 7 of JSON Schema (section 8.3).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow.sdk import Param

from ml.storage.root import Root

# Without paths: from the UI nobody can name a file outside the inbox.
# The end is that of the whole text: Python's $ also matches before a last line feed. \Z would say so in Python alone,
# and a browser may read the pattern, too.
# No name of a file is longer, and a command line could not hold one that is much longer.
DATA_PATTERN = r"^(kaggle|sample|inbox:(?!\.+$)[\w.-]{1,255})$(?!\n)"
INBOX = "inbox:"
MOST_FILES = 50
"""So many files are listed, the newest first: a form is no file manager."""


def data_choice(source: str) -> Param:
    """Return the Param, whose default is the source of the settings; null if that is a path.

    Args:
        source: `data.source` of the settings.
    """
    default = source if re.match(DATA_PATTERN, source) else None
    listed = list(dict.fromkeys([default, "kaggle", "sample", *_files(), None]))
    schema: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/source",
        "definitions": {"source": {"type": ["null", "string"], "pattern": DATA_PATTERN}},
    }
    return Param(
        default,
        **schema,
        enum=listed,
        values_display={"null" if value is None else value: _help(value, source) for value in listed},
        title="Data",
        description="What the model learns from. A file that is new in the inbox is listed here within a minute.",
    )


def _help(value: str | None, source: str) -> str:
    if value is None:
        return f"as in the settings: {source}"
    if value.startswith(INBOX):
        name = value.removeprefix(INBOX)
        return f"{name}: {'shards' if (Root.to_read().inbox / name).is_dir() else 'a file'} in the inbox"
    return {
        "kaggle": "kaggle: downloads the published customer file",
        "sample": "sample: made-up customers, only to try it out",
    }[value]


def _files() -> list[str]:
    """Return the files and directories of shards that lie in the inbox and can be named, newest first."""
    try:
        inbox = Root.to_read().inbox
        found = [
            path for path in inbox.iterdir() if not path.name.startswith(".") and (path.is_file() or _shards(path))
        ]
        found.sort(key=lambda path: (-path.stat().st_mtime, path.name))
    except OSError:  # there is none yet, or a file went away meanwhile
        return []
    return [name for path in found if re.match(DATA_PATTERN, name := INBOX + path.name)][:MOST_FILES]


def _shards(path: Path) -> bool:
    """Return whether it is a directory with something in it that is taken for a shard."""
    return path.is_dir() and any(not shard.name.startswith((".", "_")) for shard in path.iterdir())
