"""The evaluation rows with the label and every score that a verdict is computed from, so that anybody can repeat it."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.errors import FinalError
from ml.evaluation.rows.categorical import Categorical
from ml.registry.references.reference_models import MOST_REFERENCES
from ml.storage.files import write_whole

T = TypeVar("T", bound=np.generic)
GONE_BACK_FROM = "gone_back_from"
GROUP = "group_"
"""What the name of an array of the file begins with when it holds a slicing column."""
CATEGORIES = "categories_"
"""The same when it holds the texts that the codes of a slicing column stand for."""


@dataclass(frozen=True)
class ScoredRows:
    """The evaluation rows and what each model said of them: all that a verdict is computed from.

    Attributes:
        rows: uint64 [n], a hash of the eight features and the label, without salt.
        profiles: uint64 [n], a hash of the eight features; equal ones are a cluster.
        labels: int8 [n], 0 or 1.
        candidate: float32 [n], probabilities.
        references: float32 [k, n] with k in 0..8. The first is the baseline, the others were found equal to it; with
            k = 0 there is nothing to compare with.
        anchor: float32 [n], or None without one.
        groups: The slicing columns by name, [n] each (`ml.evaluation.slices`).
        gone_back_from: float32 [n] of the quarantined version from which a hold came, or None without one.
    """

    rows: NDArray[np.uint64]
    profiles: NDArray[np.uint64]
    labels: NDArray[np.int8]
    candidate: NDArray[np.float32]
    references: NDArray[np.float32]
    anchor: NDArray[np.float32] | None
    groups: Mapping[str, Categorical]
    gone_back_from: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Check the shapes and the values.

        Raises:
            ValueError: An array has another shape than the rows, a label is neither 0 nor 1, or a score is no
                probability.
        """
        n = len(self.rows)
        columns = [self.profiles, self.labels, self.candidate, *self.references]
        columns += [group.codes for group in self.groups.values()]
        others = [score for score in (self.anchor, self.gone_back_from) if score is not None]
        columns += others
        if self.references.ndim != 2 or any(column.shape != (n,) for column in columns):
            raise ValueError(f"the arrays differ in length; expected {n} values in each")
        if len(self.references) > MOST_REFERENCES:
            raise ValueError(f"{len(self.references)} references; at most {MOST_REFERENCES} are compared")
        if not np.isin(self.labels, (0, 1)).all():
            raise ValueError("a label is neither 0 nor 1")
        for score in (self.candidate, *self.references, *others):
            if not ((score >= 0) & (score <= 1)).all():
                raise ValueError("a score is not a probability")

    def write(self, path: Path) -> None:
        """Write one .npz without pickled objects, whole or not at all; equal rows give equal bytes."""
        arrays: dict[str, NDArray[np.generic]] = {
            "rows": self.rows, "profiles": self.profiles, "labels": self.labels, "candidate": self.candidate,
            "references": self.references,
        }  # fmt: skip
        optional = {"anchor": self.anchor, GONE_BACK_FROM: self.gone_back_from}
        arrays |= {name: score for name, score in optional.items() if score is not None}
        for name, column in self.groups.items():
            arrays |= {GROUP + name: column.codes, CATEGORIES + name: np.array(column.categories, dtype=np.str_)}
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        write_whole(path, content.getvalue())

    @classmethod
    def read(cls, path: Path) -> ScoredRows:
        """Return what `write` wrote.

        Raises:
            FinalError: The file is not one of these.
            FileNotFoundError: There is no such file.
        """
        try:
            with path.open("rb") as file:
                loaded = np.load(file, allow_pickle=False)
                if not isinstance(loaded, np.lib.npyio.NpzFile):
                    raise ValueError("one array without a name")
                arrays = {name: loaded[name] for name in loaded.files}
            return cls(
                rows=_typed(arrays["rows"], np.uint64),
                profiles=_typed(arrays["profiles"], np.uint64),
                labels=_typed(arrays["labels"], np.int8),
                candidate=_typed(arrays["candidate"], np.float32),
                references=_typed(arrays["references"], np.float32),
                anchor=_typed(arrays["anchor"], np.float32) if "anchor" in arrays else None,
                groups={
                    name.removeprefix(GROUP): _group(column, arrays.get(CATEGORIES + name.removeprefix(GROUP)))
                    for name, column in arrays.items()
                    if name.startswith(GROUP)
                },
                gone_back_from=_typed(arrays[GONE_BACK_FROM], np.float32) if GONE_BACK_FROM in arrays else None,
            )
        except FileNotFoundError:
            raise
        except (EOFError, KeyError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise FinalError(
                f"{path}: not the scored rows of a verdict ({error}).", "Repeat the step judge of that run."
            ) from error


def _typed(array: NDArray[Any], dtype: type[T]) -> NDArray[T]:
    if array.dtype != dtype:
        raise ValueError(f"holds {array.dtype} instead of {np.dtype(dtype)}")
    return array


def _group(column: NDArray[Any], categories: NDArray[Any] | None) -> Categorical:
    """Return a slicing column; without categories the file is one of older code, which wrote the texts themselves."""
    if categories is None:
        return Categorical.of(column.tolist())
    return Categorical(column, tuple(categories.tolist()))
