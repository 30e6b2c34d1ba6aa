"""The command `python -m serving.gateway token`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from serving.gateway.access import token_file
from serving.gateway.access.tokens import SCOPES, Token, new_secret, sha256

DEFAULT_FILE = Path("var/gateway/tokens.json")


def main(arguments: Sequence[str]) -> int:
    """Adds, lists or removes a token.

    Returns:
        0, or 1 when the file cannot be used, the name is taken or not there.
    """
    given = _parse(arguments)
    try:
        if given.verb == "list":
            for token in token_file.read(given.file):
                sys.stdout.write(f"{token.name}  {','.join(token.scopes)}\n")
        elif given.verb == "remove":
            with token_file.changed(given.file) as tokens:
                if tokens.pop(given.name, None) is None:
                    raise token_file.TokenFileError(f"{given.file} has no token {given.name}. See: token list.")
            sys.stderr.write(
                f"Lists that {given.name} has kept belong to whoever gets a token of this name: "
                "give a new person a new one.\n"
            )
        else:
            sys.stdout.write(f"{_add(given)}\n")
            sys.stderr.write(f"This is the token of {given.name}. It is not shown again; {given.file} has its hash.\n")
    except (token_file.TokenFileError, OSError) as error:
        sys.stderr.write(f"serving.gateway: {error}\n")
        return 1
    return 0


def _add(given: argparse.Namespace) -> str:
    secret = new_secret()
    with token_file.changed(given.file) as tokens:
        if given.name in tokens:
            raise token_file.TokenFileError(
                f"{given.file} has a token {given.name} already. Remove it first, or choose another name."
            )
        scopes = tuple(dict.fromkeys(given.scope))
        burst = max(int(2 * given.rate), 1)
        tokens[given.name] = Token(given.name, scopes, sha256(secret.encode()), given.rate, burst, given.max_body_bytes)
    return secret


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.gateway token", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="make a token and print it once", allow_abbrev=False)
    remove = verbs.add_parser("remove", help="let nobody in with a token any more", allow_abbrev=False)
    shown = verbs.add_parser("list", help="names and scopes", allow_abbrev=False)
    for verb in (add, remove):
        verb.add_argument("name", help="letters, digits, dot, dash and underscore")
    for verb in (add, remove, shown):
        verb.add_argument("--file", type=Path, default=DEFAULT_FILE, help="file of tokens (default: %(default)s)")
    add.add_argument("--scope", action="append", required=True, choices=SCOPES, help="what it is for; may be repeated")
    add.add_argument("--rate", type=float, default=200.0, help="requests a second (default: %(default)s)")
    add.add_argument("--max-body-bytes", type=int, default=16 << 20, help="largest body (default: %(default)s)")
    given = parser.parse_args(arguments)
    if given.verb == "add":
        if not token_file.NAME.fullmatch(given.name):
            parser.error(
                f"{given.name[:80]!r} is no name of a token. Use up to 64 letters, digits, dots, dashes and _."
            )
        if not 0 < given.rate < 1e9 or given.max_body_bytes < 1:
            parser.error("--rate and --max-body-bytes have to be more than 0.")
    return given
