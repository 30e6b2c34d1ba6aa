"""The row format of :predict, {"instances": [...]}, by the exact rules.

Source: FillTensorMapFromInstancesList in tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from serving.codecs.json_parser import JsonObject
from serving.codecs.json_text import spelled
from serving.codecs.tensors import Column, fill, is_base64, shape_of, trimmed
from serving.errors import StatusError, invalid
from serving.models.signatures import Signature, TensorSpec


def rows(instances: list[Any], signature: Signature, still_wanted: Callable[[], object] = bool) -> dict[str, Column]:
    """One column for each input, its first dimension the number of instances.

    Args:
        instances: at least one; either objects with one key for each input, or, for a single input, its values.
        signature: what is being called.
        still_wanted: called before each instance; what it raises ends the work.

    Raises:
        StatusError: INVALID_ARGUMENT; the message names the instance and the key.
    """
    specs = signature.inputs
    if not isinstance(instances[0], JsonObject) and len(specs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    taken = _Taken(specs)
    named = _is_row(instances[0])
    for index, instance in enumerate(instances):
        still_wanted()
        if named:
            _take_named(taken, index, instance)
        else:
            _take_value(taken, index, instance)
    return taken.columns(len(instances))


class _Taken:
    """What has been read so far: values, and the shape that the first instance set."""

    def __init__(self, specs: Mapping[str, TensorSpec]) -> None:
        self.specs = specs
        self._values: dict[str, list[Any]] = {}
        self._first: dict[str, tuple[int, tuple[int, ...]]] = {}

    def add(self, name: str, value: object) -> None:
        if name not in self.specs:
            raise invalid(f"JSON object: does not have named input: {name}")
        shape = shape_of(value)
        size = fill(value, self.specs[name].dtype, shape, self._values.setdefault(name, []))
        wanted_size, wanted = self._first.setdefault(name, (size, shape))
        if size != wanted_size:
            raise invalid(f"Expecting tensor size: {wanted_size} but got: {size}")
        if shape != wanted:
            raise invalid(f"Expecting shape {_text(wanted)} but got: {_text(shape)}")

    def columns(self, count: int) -> dict[str, Column]:
        return {name: trimmed(values, (count, *self._first[name][1])) for name, values in self._values.items()}


def _take_named(taken: _Taken, index: int, instance: Any) -> None:
    if not _is_row(instance):
        raise invalid(f"Expecting object but got list at item {index} of input list")
    names = set()
    for key, value in instance:
        name = key.partition("\0")[0]  # a C string to the original
        names.add(name)
        try:
            taken.add(name, value)
        except StatusError as error:
            raise invalid(
                f"Failed to process element: {index} key: {name} of 'instances' list. Error: {error}"
            ) from error
    if names != set(taken.specs):
        raise invalid(
            f"Failed to process element: {index} of 'instances' list. JSON object: {spelled(instance)} keys must be "
            f"equal to: {','.join(sorted(taken.specs))}"
        )


def _take_value(taken: _Taken, index: int, instance: Any) -> None:
    if _is_row(instance):
        raise invalid(f"Expecting value/list but got object at item {index} of input list")
    try:
        taken.add(next(iter(taken.specs)), instance)
    except StatusError as error:
        raise invalid(f"Failed to process element: {index} of 'instances' list. Error: {error}") from error


def _is_row(instance: object) -> bool:
    return isinstance(instance, JsonObject) and not is_base64(instance)


def _text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
