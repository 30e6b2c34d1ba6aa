"""Turns the JSON of :classify and :regress into serialized tf.Examples.

Source of the rules: FillClassifyRegressRequestFromJson and AddValueToFeature in
tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

from typing import Any

from serving.codecs.json_parser import JsonObject
from serving.codecs.json_text import json_type
from serving.codecs.request_body import RequestBody
from serving.codecs.tensors import decode_base64, is_base64
from serving.errors import StatusError, invalid

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def examples(body: RequestBody) -> list[bytes]:
    """The examples of a request, each with the features of its "context", if there is one.

    Raises:
        StatusError: "examples" is missing, empty or no list, or a feature has a value that no feature can hold.
    """
    body.signature_name()
    has_context, context = body.find("context")
    # Concatenated serialized protobufs merge: the example's own features win over those of the context.
    shared = _example(context) if has_context else b""
    there, listed = body.find("examples")
    if not there:
        raise body.wrong("When method is classify, key 'examples' is expected and was not found")
    if type(listed) is not list:
        raise body.wrong("Expecting 'examples' value to be an list/array")
    if not listed:
        raise body.wrong("'examples' value is an empty array")
    serialized = []
    for value in listed:
        body.still_wanted()
        serialized.append(shared + _example(value))
    return serialized


def _example(value: object) -> bytes:
    from tensorflow.core.example.feature_pb2 import Feature

    if not isinstance(value, JsonObject):
        raise invalid(f"Example must be JSON object but got JSON {json_type(value)}")
    features: dict[str, Any] = {}
    for key, content in value:
        name = key.partition("\0")[0]  # a C string to the original
        features[name] = feature = Feature()  # a repeated key replaces the former one
        for element in content if type(content) is list else [content]:
            _add(feature, name, element)
    # Names need not be UTF-8 here, as little as in C++; Python's protobuf would insist, so the map is put in by hand:
    # Example { Features features = 1; }, Features { map<string, Feature> feature = 1; }.
    entries = (
        _field(1, name.encode("utf-8", "surrogateescape")) + _field(2, feature.SerializeToString())
        for name, feature in features.items()
    )
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field of a serialized protobuf."""
    size, length = len(data), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + data


def _add(feature: Any, name: str, value: Any) -> None:
    kind, scalar = _feature_value(name, value)
    had = feature.WhichOneof("kind")
    if had not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {_KINDS[had]}")
    if kind == "int64_list" and scalar >= 1 << 63:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    getattr(feature, kind).value.append(scalar)


def _feature_value(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return "bytes_list", value.encode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return "int64_list", int(value)
    if isinstance(value, int):
        return "int64_list", value
    if isinstance(value, float):
        return "float_list", value
    if isinstance(value, JsonObject) and is_base64(value):
        return "bytes_list", decode_base64(value)
    raise _unexpected(name, value)


def _unexpected(name: str, value: object) -> StatusError:
    return invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")
