"""Where the Kaggle client would find credentials, found out without importing the client.

The order is that of kaggle 2.2 (`KaggleApi.authenticate`): an access token, then user name and key, then what
`kaggle auth login` stored. Importing the client to ask would load it, create directories and talk to the network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml.data.kaggle.credential_files import is_there, read_file, read_table
from ml.errors import FinalError

CURE = (
    "Make an API token at kaggle.com/settings and set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, "
    "or save ~/.kaggle/kaggle.json; or choose other data: data.source = the path of a CSV (or sample, where no model "
    "of real data serves)."
)
LOG_IN_AGAIN = "Log in again with `kaggle auth login`."
_TOKEN, _USER, _KEY = "KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Credentials:
    """Credentials, and where they are.

    Attributes:
        source: The variables or the file that hold them, for messages.
        variables: The environment variables that give them to the client; empty when it reads a file itself.
    """

    source: str
    variables: Mapping[str, str] = field(repr=False)


def credentials(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the name of the first source that holds credentials, or None; never the credentials themselves.

    Args:
        environment: `os.environ` unless given; its `HOME` is where `~` leads.

    Raises:
        FinalError: A source is there and cannot be used; the message says why, and never quotes it.
    """
    found = find_credentials(environment)
    return None if found is None else found.source


def find_credentials(environment: Mapping[str, str] | None = None) -> Credentials | None:
    """Return the credentials that the client is to use, without what editors and shells put around them.

    Raises:
        FinalError: As `credentials`.
    """
    variables = os.environ if environment is None else environment
    found = _access_token(variables) or _user_and_key(variables) or _stored_login(variables)
    given = [name for name in (_USER, _KEY) if _bare(variables.get(name, ""))]
    if found is None and given:
        lacking = _KEY if given == [_USER] else _USER
        raise FinalError(f"{given[0]} is set, and {lacking} is not.", f"Set both, or unset it. {CURE}")
    return found


def config_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Return where the client looks for `kaggle.json`; its import creates that directory when it is missing.

    Raises:
        FinalError: `KAGGLE_CONFIG_DIR` names something else than a directory.
    """
    variables = os.environ if environment is None else environment
    if given := variables.get("KAGGLE_CONFIG_DIR"):
        if is_there(Path(given), "KAGGLE_CONFIG_DIR") and not Path(given).is_dir():
            raise FinalError(
                "KAGGLE_CONFIG_DIR is not a directory.", "Name the one that holds kaggle.json, or unset it."
            )
        return Path(given)
    directory = _home(variables) / ".kaggle"
    if is_there(directory, "~/.kaggle"):
        return directory
    return Path(variables.get("XDG_CONFIG_HOME") or _home(variables) / ".config") / "kaggle"


def _access_token(variables: Mapping[str, str]) -> Credentials | None:
    token = _bare(variables.get(_TOKEN, ""))
    if token:
        # The client takes a path as well. A token has no slash.
        path = _as_path(token)
        looks_like_path = os.sep in token or token.endswith((".txt", ".json"))
        if not looks_like_path and (path is None or not path.is_file()):
            return Credentials(_TOKEN, {_TOKEN: _sendable(token, _TOKEN)})
        if path is None or not path.exists():
            raise FinalError(f"{_TOKEN} names a file that does not exist.", f"Correct the path, or unset it. {CURE}")
        source = f"the file that {_TOKEN} names"
        return Credentials(source, {_TOKEN: _sendable(_content(path, source), source)})
    for name in ("access_token", "access_token.txt"):
        path = _home(variables) / ".kaggle" / name
        source = _short(path, variables)
        if is_there(path, source):
            return Credentials(source, {_TOKEN: _sendable(_content(path, source), source)})
    return None


def _user_and_key(variables: Mapping[str, str]) -> Credentials | None:
    given = {name: _bare(variables.get(name, "")) for name in (_USER, _KEY)}
    source = f"{_USER} and {_KEY}"
    if not all(given.values()):
        path = config_directory(variables) / "kaggle.json"
        source = _short(path, variables)
        if not is_there(path, source):
            return None
        table = read_table(path, source)
        given = {_USER: _member(table, "username") or given[_USER], _KEY: _member(table, "key") or given[_KEY]}
        lacking = [member for member, value in zip(("username", "key"), given.values(), strict=True) if not value]
        if lacking:
            raise FinalError(f"{source} holds no {' and no '.join(lacking)}.", f"Download it again. {CURE}")
    return Credentials(source, {name: _sendable(value, source) for name, value in given.items()})


def _stored_login(variables: Mapping[str, str]) -> Credentials | None:
    path = _home(variables) / ".kaggle" / "credentials.json"
    source = _short(path, variables)
    if not is_there(path, source):
        return None
    if not read_table(path, source, LOG_IN_AGAIN).get("refresh_token"):
        raise FinalError(f"{source} holds no login.", f"{LOG_IN_AGAIN} {CURE}")
    return Credentials(source, {})


def _as_path(text: str) -> Path | None:
    """Return the path of something that can be looked at; None for what cannot be a path, which may be a secret."""
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError, ValueError):
        return None
    return path


def _member(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    return _bare(value) if isinstance(value, str) else ""


def _content(path: Path, source: str) -> str:
    text = _bare(read_file(path, source, "Save the token in it, or remove it."))
    if not text:
        raise FinalError(f"{source} is empty.", f"Save the token in it, or remove it. {CURE}")
    return text


def _bare(text: str) -> str:
    return text.strip().strip(_BYTE_ORDER_MARK).strip()


def _sendable(secret: str, source: str) -> str:
    """Return what an HTTP header can carry; the position of anything else is told, but not the secret."""
    for number, letter in enumerate(secret, 1):
        if not "!" <= letter <= "~":
            raise FinalError(
                f"{source}: character {number} of {len(secret)} (U+{ord(letter):04X}) cannot be part of a credential.",
                f"Copy it again, without anything around it. {CURE}",
            )
    return secret


def _home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("HOME") or Path.home())


def _short(path: Path, variables: Mapping[str, str]) -> str:
    home = _home(variables)
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
