"""Variables that say yes or no."""

from __future__ import annotations

import os

from stack.local.errors import StackError


def is_yes(name: str) -> bool:
    """Whether the variable says yes; one that is not set, or is empty, says no.

    Raises:
        StackError: It says neither.
    """
    said = os.environ.get(name, "").lower()
    if said in ("", "0", "no", "false", "off"):
        return False
    if said in ("1", "yes", "true", "on"):
        return True
    raise StackError(f"{name}={said} is neither yes nor no. Write {name}=1, or leave it out.")
