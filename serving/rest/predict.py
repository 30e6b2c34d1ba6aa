"""What a :predict request asks for."""

from __future__ import annotations

from serving.batching.inference_call import Call
from serving.codecs.request_body import RequestBody
from serving.codecs.response_body import Rows
from serving.errors import invalid
from serving.models.version import Version

_ROWS = Rows()


def predict(body: RequestBody, version: Version) -> Call:
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
    return Call(version, signature, columns, _ROWS if by_row else None, "Predict")
