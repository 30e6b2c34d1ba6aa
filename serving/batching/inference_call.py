"""One call of a graph that a request asks for: inputs, signature, and how to write the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from serving.codecs.inputs import Inputs
from serving.codecs.response_body import Cells
from serving.models.signatures import Signature

if TYPE_CHECKING:
    from serving.models.version import Version

_LARGE_VALUES = 16_384


class RowWriter(Protocol):
    """Writes answers row by row, so that requests may share a call of the graph."""

    def cells(self, outputs: Mapping[str, NDArray[Any]], signature: Signature) -> Cells:
        """The JSON of each output in each row; raises StatusError when the outputs have no rows."""
        ...

    def body(self, cells: Cells, rows: slice, signature: Signature) -> bytes:
        """The answer for some of the rows."""
        ...


@dataclass(slots=True)
class InferenceCall:
    """What to run, and for whom.

    Attributes:
        version: the version that answers; it stays loaded until `version.release()`.
        signature: the signature to run, perhaps with fewer outputs than the model's own.
        inputs: the inputs.
        writer: how to write the answer, or None for the column format.
        api: "Predict", "Classify" or "Regress", for the metrics.
        examples: how many tf.Examples came with it, for the metrics; 0 for :predict.
        given_up: says whether nobody waits for the outcome any more.
    """

    version: Version
    signature: Signature
    inputs: Inputs
    writer: RowWriter | None
    api: str
    examples: int = 0
    given_up: Callable[[], bool] = bool

    @property
    def rows(self) -> int:
        """How many rows it has; 0 for whole tensors."""
        return self.inputs.rows or 0

    @property
    def longest(self) -> int:
        """How many values its longest input has."""
        return max(map(len, self.inputs.values), default=0)

    @property
    def large(self) -> bool:
        """Whether it takes so long that others would notice."""
        return sum(map(len, self.inputs.values)) > _LARGE_VALUES

    def shared_key(self) -> tuple[object, ...] | None:
        """Calls with equal keys may run as one; None for a call that must run alone."""
        if self.writer is None or not self.signature.batchable or not self.inputs.rows:
            return None
        return id(self.version), self.signature.name, type(self.writer), self.inputs.shapes
