"""What a :predict request asks for."""

from __future__ import annotations

from serving.batching.inference_call import InferenceCall
from serving.codecs.fast import document, scalar_rows
from serving.codecs.inputs import Inputs
from serving.codecs.request_body import RequestBody
from serving.codecs.response_body import RowFormat
from serving.errors import StatusError, invalid
from serving.models.manager import Manager
from serving.models.signatures import DEFAULT_SIGNATURE, Signature
from serving.models.version import Version
from serving.rest.router import Route

_ROW_FORMAT = RowFormat()


def predict_fast(text: bytes, wanted: Route, manager: Manager) -> InferenceCall | None:
    """The call for a usual request; its version is acquired. None for what the exact rules must decide."""
    try:
        version = manager.acquire(wanted.model, wanted.version, wanted.label)
    except StatusError:
        return None
    call = None
    try:
        call = _usual_call(text, version)
    finally:
        if call is None:
            version.release()
    return call


def _usual_call(text: bytes, version: Version) -> InferenceCall | None:
    signatures = version.servable.signatures
    default = signatures.get(DEFAULT_SIGNATURE)
    if default is not None:
        inputs = scalar_rows.decode(text, default)
        if inputs is not None:
            return _call(version, default, inputs)
    for decode in (document.decode, document.decode_by_rapidjson):
        found = decode(text)
        if found is None:
            continue
        name = found.members.get("signature_name", "")
        if not isinstance(name, str):
            return None
        signature = signatures.get(name or DEFAULT_SIGNATURE)
        if signature is not None and signature.inputs:
            inputs = document.inputs(text, found, signature)
            if inputs is not None:
                return _call(version, signature, inputs)
            if signature.single_precision and not found.nans:
                return None  # RapidJSON would find nothing else
    return None


def predict(body: RequestBody, version: Version) -> InferenceCall:
    """The call for a request in row or column format.

    Raises:
        StatusError: the signature does not exist, or the request does not fit it.
    """
    name = body.signature_name()
    signature = version.servable.signatures.get(name)
    if signature is None:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    if not signature.inputs:
        raise invalid(f"Failed to get input map for signature: {body.requested_signature() or 'DEFAULT'}")
    columns, by_row = body.tensors(signature)
    if len(columns) != len(signature.inputs):  # a row of bytes where several inputs are wanted fills only one of them
        given, wanted = sorted(columns), sorted(signature.inputs)
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(wanted)} len({{{','.join(given)}}}) != "
            f"len({{{','.join(wanted)}}}). Sent extra: {{}}. Missing but required: "
            f"{{{','.join(name for name in wanted if name not in columns)}}}."
        )
    return _call(version, signature, Inputs.of_columns(columns, signature, by_row=by_row))


def _call(version: Version, signature: Signature, inputs: Inputs) -> InferenceCall:
    return InferenceCall(version, signature, inputs, None if inputs.rows is None else _ROW_FORMAT, "Predict")
