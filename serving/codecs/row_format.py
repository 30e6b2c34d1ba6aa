"""The row format of :predict, {"instances": [...]}, by the exact rules.

Source: FillTensorMapFromInstancesList in tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from serving.codecs.json_parser import JsonObject
from serving.codecs.json_text import spelled
from serving.codecs.tensors import Column, fill, is_base64, scalars, shape_of, trimmed
from serving.errors import StatusError, invalid
from serving.models.signatures import Signature, TensorSpec

_SMALLEST_BLOCK = 64
_LARGEST_BLOCK = 16_384


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
    take_one, take_block = (_take_named, _take_rows) if named else (_take_value, _take_values)
    take_one(taken, 0, instances[0])
    at, size = 1, _SMALLEST_BLOCK
    while at < len(instances):
        still_wanted()
        block = instances[at : at + size]
        if take_block(taken, block):
            size = min(2 * size, _LARGEST_BLOCK)
        elif size > _SMALLEST_BLOCK:
            size = _SMALLEST_BLOCK
            continue
        else:  # one by one, which is slow and says what is wrong, if anything is
            for index, instance in enumerate(block, at):
                still_wanted()
                take_one(taken, index, instance)
        at += len(block)
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

    def add_all(self, columns: Mapping[str, list[Any]]) -> bool:
        """Adds values of many instances at once, when all are like those of the first one; else adds nothing."""
        found = {
            name: scalars(values, self.specs[name].dtype, self._first[name][1]) for name, values in columns.items()
        }
        fit = {name: values for name, values in found.items() if values is not None}
        if len(fit) < len(found):
            return False
        for name, values in fit.items():
            self._values[name] += values
        return True

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


def _take_rows(taken: _Taken, block: list[Any]) -> bool:
    """Takes objects with each key once; anything else is left to `_take_named`."""
    specs = taken.specs
    if set(map(type, block)) != {JsonObject} or "b64" in specs:
        return False
    found = [dict(instance) for instance in block]
    if {*map(len, found), *(len(instance) for instance in block)} != {len(specs)}:
        return False
    try:
        return taken.add_all({name: [members[name] for members in found] for name in specs})
    except KeyError:
        return False


def _take_values(taken: _Taken, block: list[Any]) -> bool:
    return taken.add_all({next(iter(taken.specs)): block})


def _is_row(instance: object) -> bool:
    return isinstance(instance, JsonObject) and not is_base64(instance)


def _text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
