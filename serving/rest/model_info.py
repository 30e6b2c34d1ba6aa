"""Information about a model: the status of its versions, and their signatures.

The layout is that of protobuf's JSON printer with which TensorFlow Serving writes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.models.version import Version


def status_body(versions: Sequence[Version]) -> bytes:
    """The JSON of a GetModelStatusResponse for versions, in the order given."""
    listed = [
        {
            "version": str(version.number),
            "state": version.state,
            "status": {"error_code": version.error_code, "error_message": version.error_message},
        }
        for version in versions
    ]
    return _printed({"model_version_status": listed}).encode("utf-8", "surrogateescape")


def metadata_body(version: Version) -> bytes:
    """The JSON of a GetModelMetadataResponse for a loaded version: its signatures."""
    spec = {"name": version.model, "signature_name": "", "version": str(version.number)}
    signatures = {name: _signature(definition) for name, definition in version.servable.signature_defs.items()}
    return (
        f'{{\n"model_spec":{_printed(spec)},\n"metadata": {{"signature_def": '
        f"{_printed({'signature_def': signatures})}}}\n}}\n"
    ).encode("utf-8", "surrogateescape")


def _printed(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _signature(definition: Any) -> dict[str, Any]:
    return {
        "inputs": {name: _tensor(info) for name, info in sorted(definition.inputs.items())},
        "outputs": {name: _tensor(info) for name, info in sorted(definition.outputs.items())},
        "method_name": definition.method_name,
        "defaults": {},
    }


def _tensor(info: Any) -> dict[str, Any]:
    from tensorflow.core.framework.types_pb2 import DataType

    shape = info.tensor_shape
    tensor: dict[str, Any] = {
        "dtype": DataType.Name(info.dtype),
        "tensor_shape": {
            "dim": [{"size": str(dim.size), "name": dim.name} for dim in shape.dim],
            "unknown_rank": shape.unknown_rank,
        },
    }
    encoding = info.WhichOneof("encoding")
    if encoding == "coo_sparse":
        sparse = info.coo_sparse
        tensor["coo_sparse"] = {
            "values_tensor_name": sparse.values_tensor_name,
            "indices_tensor_name": sparse.indices_tensor_name,
            "dense_shape_tensor_name": sparse.dense_shape_tensor_name,
        }
    elif encoding == "composite_tensor":
        from google.protobuf.json_format import MessageToDict

        tensor["composite_tensor"] = MessageToDict(info.composite_tensor, preserving_proto_field_name=True)
    else:
        tensor["name"] = info.name
    return tensor
