"""The signatures of a SavedModel: names, dtypes and shapes of inputs and outputs, without TensorFlow's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

DEFAULT_SIGNATURE = "serving_default"
SAMPLE_SIGNATURE = "sample_data"
"""The signature by which a model says that it was trained on made-up customers (serving/client/model_metadata.py)."""

_NUMPY: dict[str, type[Any]] = {
    "float": np.float32,
    "double": np.float64,
    "half": np.float16,
    "complex64": np.complex64,
    "complex128": np.complex128,
    "int32": np.int32,
    "int16": np.int16,
    "int8": np.int8,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
    "bool": np.bool_,
    "string": np.object_,
}

SMALL_INTEGERS = frozenset({"int8", "int16", "uint8"})
"""Types for which JSON numbers beyond their range wrap around."""


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor of a signature.

    Attributes:
        tensor: Its name in the graph, such as "serving_default_Age:0".
        dtype: TensorFlow's name of the type: "float", "double", "int64", "string" and so on.
        shape: The dimensions, None for an unknown one; None instead of the tuple when the rank is unknown.
    """

    tensor: str
    dtype: str
    shape: tuple[int | None, ...] | None

    @property
    def numpy(self) -> type[Any] | None:
        """The NumPy type of its values (object for text), or None for a type that cannot be written in JSON."""
        return _NUMPY.get(self.dtype)

    @property
    def batched(self) -> bool:
        """Whether its first dimension is unknown, and so can be the number of rows."""
        return self.shape is not None and len(self.shape) > 0 and self.shape[0] is None


@dataclass(frozen=True, eq=False)
class Signature:
    """One way to call a model.

    Attributes:
        name: Its key in the SavedModel.
        inputs: Specifications by input name, in sorted order.
        outputs: Specifications by output name, in sorted order.
        text: The SignatureDef in protobuf's text form, for error messages.
    """

    name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    text: str

    @cached_property
    def batchable(self) -> bool:
        """Whether rows of several requests may share one call: the first dimension of every tensor is unknown."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and bool(self.outputs) and all(spec.batched for spec in tensors)

    @cached_property
    def values_of(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        """Takes the values of all inputs out of a row, in order; raises KeyError when one is missing."""
        names = tuple(self.inputs)
        if len(names) == 1:
            return lambda row: (row[names[0]],)
        return itemgetter(*names)

    @cached_property
    def scalar_rows(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each input in one row, when each is a scalar."""
        return ((),) * len(self.inputs)

    @cached_property
    def can_be_named(self) -> bool:
        """Whether JSON can name every input: to TensorFlow Serving the keys of a row end at the first NUL."""
        return all("\0" not in name for name in self.inputs)

    @cached_property
    def single_precision(self) -> bool:
        """Whether no input is a double, so that the last bit of a double in JSON hardly ever matters."""
        return all(spec.dtype != "double" for spec in self.inputs.values())

    @cached_property
    def inputs_by_type(self) -> tuple[tuple[type[Any], tuple[tuple[str, int], ...]], ...]:
        """For each NumPy type the inputs that have it: names, and places in the order of `inputs`.

        Empty when there is a type whose values have to be converted one input at a time.
        """
        found: dict[type[Any], list[tuple[str, int]]] = {}
        for place, (name, spec) in enumerate(self.inputs.items()):
            if spec.numpy is None or spec.dtype in SMALL_INTEGERS:
                return ()
            found.setdefault(spec.numpy, []).append((name, place))
        return tuple((dtype, tuple(inputs)) for dtype, inputs in found.items())
