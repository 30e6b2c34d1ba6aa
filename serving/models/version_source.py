"""Which versions of a model are on disk, and which of them are aspired to by its version policy.

Source of the rules: tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

_NUMBER = re.compile(r"\s*\+?([0-9]{1,19})\s*", re.ASCII)
_LARGEST = (1 << 63) - 1
_PATTERN_MARKS = "[\\"


@dataclass(frozen=True)
class Latest:
    """The policy that serves the highest versions.

    Attributes:
        num_versions: How many of them; at least 1.
    """

    num_versions: int = 1

    def aspired(self, candidates: Collection[int]) -> set[int]:
        """The aspired versions among the candidates."""
        return set(sorted(candidates, reverse=True)[: self.num_versions])


@dataclass(frozen=True)
class All:
    """The policy that serves all versions."""

    def aspired(self, candidates: Collection[int]) -> set[int]:
        """The aspired versions among the candidates."""
        return set(candidates)


@dataclass(frozen=True)
class Specific:
    """The policy that serves the versions that are listed.

    Attributes:
        versions: Their numbers.
    """

    versions: frozenset[int]

    def aspired(self, candidates: Collection[int]) -> set[int]:
        """The aspired versions among the candidates."""
        return set(self.versions.intersection(candidates))


VersionPolicy = Latest | All | Specific


@dataclass(frozen=True)
class ModelConfig:
    """A model to serve.

    Attributes:
        name: The name in the URL.
        base_path: The directory whose numeric children are the versions.
        policy: Which of them are served.
        labels: The version that each label stands for.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = field(default_factory=Latest)
    labels: dict[str, int] = field(default_factory=dict)


def path_fault(base_path: str) -> str:
    """What keeps TensorFlow from loading a model below a base path, and the cure; "" if nothing does.

    Its loader in Python looks for the variables by a pattern. The marks `*` and `?` in a path match themselves; a class
    in brackets and a backslash do not, and then it finds no checkpoint.
    """
    cure = "Rename the directory, or give a link to it whose own path is free of that."
    for mark in _PATTERN_MARKS:
        if mark in base_path:
            return (
                f"{base_path!r} has a {mark} in it: TensorFlow takes it for a pattern, and finds no variables. {cure}"
            )
    try:
        base_path.encode()
    except UnicodeEncodeError:
        return f"{base_path!r} is not in UTF-8, which TensorFlow needs. {cure}"
    return ""


def versions_on_disk(base_path: Path) -> dict[int, Path] | None:
    """The directories whose whole name is a number, by that number.

    Returns:
        The paths by version, or None when the base path cannot be read: a file system that is not there for a moment
        is not a reason to unload.
    """
    try:
        names = os.listdir(base_path)  # noqa: PTH208 - only the names are needed, once a second
    except OSError:
        return None
    found: dict[int, Path] = {}
    for name in names:
        number = version_number(name)
        if number is not None:
            found[number] = base_path / name
    return found


def version_number(name: str) -> int | None:
    """The number of the version that a directory of this name is; None when the name is not that of a version."""
    number = _NUMBER.fullmatch(name)
    return int(number.group(1)) if number is not None and int(number.group(1)) <= _LARGEST else None
