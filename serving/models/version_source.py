"""Looks at a model's base path and says which versions should be served.

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


@dataclass(frozen=True)
class Latest:
    """Serve the highest versions.

    Attributes:
        count: how many of them; at least 1.
    """

    count: int = 1

    def choose(self, candidates: Collection[int]) -> set[int]:
        """The versions to serve among those that may be served."""
        return set(sorted(candidates, reverse=True)[: self.count])


@dataclass(frozen=True)
class Every:
    """Serve all versions."""

    def choose(self, candidates: Collection[int]) -> set[int]:
        """The versions to serve among those that may be served."""
        return set(candidates)


@dataclass(frozen=True)
class Specific:
    """Serve the versions that are named.

    Attributes:
        numbers: their numbers.
    """

    numbers: frozenset[int]

    def choose(self, candidates: Collection[int]) -> set[int]:
        """The versions to serve among those that may be served."""
        return set(self.numbers.intersection(candidates))


Policy = Latest | Every | Specific


@dataclass(frozen=True)
class ModelConfig:
    """A model to serve.

    Attributes:
        name: the name in the URL.
        base_path: the directory whose numeric children are versions.
        policy: which of them are served.
        labels: names for version numbers.
    """

    name: str
    base_path: Path
    policy: Policy = field(default_factory=Latest)
    labels: dict[str, int] = field(default_factory=dict)


def versions_on_disk(base_path: Path) -> dict[int, Path] | None:
    """The children whose whole name is a number, by that number.

    Returns:
        None when the base path cannot be read: a file system that is away for a moment is no reason to unload.
    """
    try:
        names = os.listdir(base_path)  # noqa: PTH208 - only the names are needed, once a second
    except OSError:
        return None
    found: dict[int, Path] = {}
    for name in names:
        number = _NUMBER.fullmatch(name)
        if number is not None and int(number.group(1)) <= _LARGEST:
            found[int(number.group(1))] = base_path / name
    return found
