"""The background of the version that answers: found among the releases, and made sure of by its known scores."""

from __future__ import annotations

import os
from pathlib import Path

from serving.expectation.version_evaluation import TOLERANCE, PredictKnownRows
from serving.reasons.background import NAME, Background, read_background
from serving.reasons.columns import instances_of


class NoBackgroundError(Exception):
    """There are no reasons for this version; the message says why and what to do."""


def find_background(version: int, given: Path | None, predict: PredictKnownRows) -> Background:
    """The background of a version.

    A version number alone does not tell whose background a file is: the server, or the root, may be another one. So the
    version must first give the background's own rows the scores that are stored with them.

    Args:
        version: The version.
        given: A directory of releases, or a file in the release of the version, such as its evaluation.json; by default
            the releases below RETRAIN_ROOT, or var/.
        predict: Asks the version for the probabilities of rows.

    Raises:
        NoBackgroundError: There is none, the file is none, or it belongs to another model.
    """
    place = given or Path(os.environ.get("RETRAIN_ROOT") or "var") / "releases"
    release = place.parent if place.is_file() else place / str(version)
    path = release / NAME
    if not path.is_file():
        if not release.is_dir():
            raise NoBackgroundError(
                f"No reasons for version {version}: there is no {release}. Name the directory of its releases."
            )
        raise NoBackgroundError(
            f"No reasons for version {version}: it was evaluated before backgrounds were stored. Train and promote a "
            "new version."
        )
    try:
        found = read_background(path)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise NoBackgroundError(
            f"No reasons for version {version}: {path} is not a background ({type(error).__name__}: {error}). Restore "
            "it from a backup."
        ) from error
    answers = predict(instances_of(found.columns))
    if answers is None or any(abs(a - b) > TOLERANCE for a, b in zip(answers, found.scores, strict=True)):
        raise NoBackgroundError(
            f"No reasons for version {version}: {path} belongs to another model than the one that answers. Name the "
            "directory of the releases of the version that is served."
        )
    return found
