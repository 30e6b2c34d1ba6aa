"""One call of a graph that a request asks for: inputs, signature, and how to write the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from serving.codecs.tensors import Column
from serving.models.signatures import Signature

if TYPE_CHECKING:
    from serving.models.version import Version

_LARGE_VALUES = 16_384


class ByRow(Protocol):
    """Writes answers row by row, so that requests may share a call."""

    def texts(self, outputs: Mapping[str, NDArray[Any]], signature: Signature) -> list[str]:
        """The JSON of each row; raises StatusError when the outputs have no rows."""
        ...

    def body(self, texts: Sequence[str], signature: Signature) -> bytes:
        """The answer for some of the rows."""
        ...


@dataclass(slots=True)
class Call:
    """What to run, and for whom.

    Attributes:
        version: the version that answers; it stays loaded until `version.release()`.
        signature: the signature to run, perhaps with fewer outputs than the model's own.
        columns: the inputs.
        by_row: how to write the answer, or None for the column format.
        api: "Predict", "Classify" or "Regress", for the metrics.
        examples: how many tf.Examples came with it, for the metrics; 0 for :predict.
        given_up: says whether nobody waits for the outcome any more.
    """

    version: Version
    signature: Signature
    columns: dict[str, Column]
    by_row: ByRow | None
    api: str
    examples: int = 0
    given_up: Callable[[], bool] = bool

    @property
    def rows(self) -> int:
        """The size of the first dimension of the inputs, or 0 when they do not agree on one."""
        sizes = {column.shape[0] if column.shape else 0 for column in self.columns.values()}
        return sizes.pop() if len(sizes) == 1 else 0

    @property
    def large(self) -> bool:
        """Whether it takes so long that others would notice."""
        return sum(len(column.values) for column in self.columns.values()) > _LARGE_VALUES

    def shared_key(self) -> tuple[object, ...] | None:
        """Calls with equal keys may run as one; None for a call that must run alone."""
        if self.by_row is None or not self.signature.batchable or self.rows == 0:
            return None
        shapes = tuple(column.shape[1:] for column in self.columns.values())
        return id(self.version), self.signature.name, type(self.by_row), shapes
