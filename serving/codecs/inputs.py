"""What requests give for the inputs of a signature, and the arrays that a call of the graph takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.codecs.tensors import Column
from serving.errors import invalid
from serving.models.signatures import SMALL_INTEGERS, Signature, TensorSpec

MOST_DIMENSIONS = 32
"""NumPy's limit, in all its versions. TensorFlow's is 254."""


class Inputs(NamedTuple):
    """What one request gives for the inputs of a signature, not yet arrays, so that requests can be joined cheaply.

    Attributes:
        values: for each input, in the signature's order, its values in row-major order: float, int, bool, text as str
            or bytes, or None for a number that is NaN.
        shapes: for each input the shape of one row; when there are no rows, of the whole tensor.
        rows: how many rows there are; None when the request gives whole tensors.
    """

    values: Sequence[Sequence[Any]]
    shapes: tuple[tuple[int, ...], ...]
    rows: int | None

    @classmethod
    def of_columns(cls, columns: Mapping[str, Column], signature: Signature, *, by_row: bool) -> Inputs:
        """The same from a column for each input; of rows they all have as many."""
        ordered = [columns[name] for name in signature.inputs]
        values = [column.values for column in ordered]
        if not by_row:
            return cls(values, tuple(column.shape for column in ordered), None)
        return cls(values, tuple(column.shape[1:] for column in ordered), ordered[0].shape[0])


def arrays(requests: Sequence[Inputs], signature: Signature) -> dict[str, NDArray[Any]]:
    """One array for each input, with the rows of all requests one below the other.

    Args:
        requests: requests that agree in `shapes`; without rows, just one.
        signature: what is called.

    Raises:
        StatusError: INVALID_ARGUMENT, a tensor has more dimensions than NumPy can hold.
    """
    first = requests[0]
    # What does not fit a float becomes infinite, as in C++, without a word.
    with np.errstate(over="ignore", invalid="ignore"):
        if first.rows is not None and first.shapes == signature.scalar_rows and signature.inputs_by_type:
            return _scalar_arrays(requests, signature)
        joined: Iterable[Sequence[Any]] = first.values
        leading: tuple[int, ...] = () if first.rows is None else (first.rows,)
        if len(requests) > 1:
            joined = (list(chain.from_iterable(parts)) for parts in zip(*[one.values for one in requests], strict=True))
            leading = (sum(one.rows or 0 for one in requests),)
        named = zip(signature.inputs.items(), joined, first.shapes, strict=True)
        return {name: _array(values, spec, (*leading, *shape)) for (name, spec), values, shape in named}


def _scalar_arrays(requests: Sequence[Inputs], signature: Signature) -> dict[str, NDArray[Any]]:
    """The same for rows of scalars: all inputs of a type are filled in one pass, and each is a row of one block."""
    rows = sum(request.rows or 0 for request in requests)
    found: dict[str, NDArray[Any]] = {}
    for dtype, inputs in signature.inputs_by_type:
        values = chain.from_iterable([request.values[at] for _, at in inputs for request in requests])
        block = np.fromiter(values, dtype, len(inputs) * rows).reshape(len(inputs), rows)
        for (name, _), column in zip(inputs, block, strict=True):
            found[name] = column
    return found


def _array(values: Sequence[Any], spec: TensorSpec, shape: tuple[int, ...]) -> NDArray[Any]:
    if len(shape) > MOST_DIMENSIONS:
        raise invalid(f"Tensors of more than {MOST_DIMENSIONS} dimensions are not served; this one has {len(shape)}.")
    if spec.dtype in SMALL_INTEGERS:
        array = np.array(values, dtype=np.int64).astype(spec.numpy)
    else:
        array = np.array(values, dtype=spec.numpy)
    return array if len(shape) == 1 else array.reshape(shape)
