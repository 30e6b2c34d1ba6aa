"""What a :regress request asks for. Source: tensorflow_serving/servables/tensorflow/regressor.cc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from serving.batching.inference_call import InferenceCall
from serving.codecs.request_body import RequestBody
from serving.codecs.response_body import Cells, Values
from serving.errors import StatusError, invalid
from serving.models.signatures import Signature
from serving.models.version import Version
from serving.rest.classify import debug_shape, example_call, example_signature


class CheckedValues(Values):
    """Writes regressions after checking that the output is one."""

    def cells(self, outputs: Mapping[str, NDArray[Any]], signature: Signature) -> Cells:
        """The JSON of each example.

        Raises:
            StatusError: the output is not [examples] or [examples, 1] in shape, or not float.
        """
        value = outputs["outputs"]
        if not (value.ndim == 1 or (value.ndim == 2 and value.shape[1] == 1)):
            raise invalid(
                "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
                f"{debug_shape(value.shape)}"
            )
        dtype = signature.outputs["outputs"].dtype
        if dtype != "float":
            raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: DT_{dtype.upper()}")
        return super().cells(outputs, signature)


_VALUES = CheckedValues()


def regress(body: RequestBody, serialized: list[bytes], version: Version) -> InferenceCall:
    """The call for examples.

    Raises:
        StatusError: the signature does not exist, or is none that takes examples and gives one number for each.
    """
    signature = example_signature(body, version)
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise StatusError("FAILED_PRECONDITION", f"No regression inputs found in SignatureDef: {signature.text}")
    if "outputs" not in signature.outputs:
        raise StatusError("FAILED_PRECONDITION", f"No regression outputs found in SignatureDef: {signature.text}")
    return example_call(version, signature, serialized, _VALUES, "Regress")
