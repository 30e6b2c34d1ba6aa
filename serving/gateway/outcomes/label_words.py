"""The two words for an outcome."""

from __future__ import annotations

import json
import os
from pathlib import Path

REST = "rest"


class NoLabelsError(Exception):
    """It is not known which words an outcome may have; the message says why, and the cure."""


def label_words(version: str, given: tuple[str, str] | None) -> tuple[str, str]:
    """The words of the target and of all others.

    Args:
        version: The version that answers.
        given: What the command line says.

    Raises:
        NoLabelsError: Neither the command line nor the version's evaluation says it.
    """
    if given is not None:
        return given
    path = Path(os.environ.get("RETRAIN_ROOT") or "var") / "releases" / version / "evaluation.json"
    try:
        target = str(json.loads(path.read_bytes())["target"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoLabelsError(
            f"It is not known which labels an outcome may have: version {version} has no evaluation here. "
            "Start the gateway with --outcome-labels, for example D,rest."
        ) from error
    return target, REST
