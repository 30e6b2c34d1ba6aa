"""Where the Kaggle client would find credentials, found out without importing the client.

The order is that of kaggle 2.2 (`KaggleApi.authenticate`): an access token, then user name and key, then what
`kaggle auth login` stored. Importing the client to ask would load it, create directories and talk to the network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

CURE = (
    "Make an API token at kaggle.com/settings and set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, "
    "or save ~/.kaggle/kaggle.json; or choose other data: data.source = sample, or the path of a CSV."
)


def credentials(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the name of the first source that holds credentials, or None; never the credentials themselves.

    Args:
        environment: `os.environ` unless given; its `HOME` is where `~` leads.
    """
    variables = os.environ if environment is None else environment
    stored = _home(variables) / ".kaggle"
    token = variables.get("KAGGLE_API_TOKEN", "")
    if token and (not os.path.exists(token) or _text(Path(token))):  # noqa: PTH110 - a long token is not a path
        return "KAGGLE_API_TOKEN"
    for name in ("access_token", "access_token.txt"):
        if _text(stored / name):
            return f"~/.kaggle/{name}"
    if variables.get("KAGGLE_USERNAME") and variables.get("KAGGLE_KEY"):
        return "KAGGLE_USERNAME and KAGGLE_KEY"
    keys = config_directory(variables) / "kaggle.json"
    content = _table(keys)
    if all(content.get(name) or variables.get(f"KAGGLE_{name.upper()}") for name in ("username", "key")):
        return _short(keys, variables)
    if _table(stored / "credentials.json").get("refresh_token"):
        return "~/.kaggle/credentials.json"
    return None


def config_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the client looks for `kaggle.json`; its import creates that directory when it is missing."""
    variables = os.environ if environment is None else environment
    if given := variables.get("KAGGLE_CONFIG_DIR"):
        return Path(given)
    directory = _home(variables) / ".kaggle"
    if directory.exists():
        return directory
    return Path(variables.get("XDG_CONFIG_HOME") or _home(variables) / ".config") / "kaggle"


def _home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("HOME") or Path.home())


def _short(path: Path, variables: Mapping[str, str]) -> str:
    home = _home(variables)
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _table(path: Path) -> dict[str, object]:
    try:
        content = json.loads(_text(path) or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
