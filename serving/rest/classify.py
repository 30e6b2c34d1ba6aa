"""What a :classify request asks for. Source: tensorflow_serving/servables/tensorflow/classifier.cc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from serving.batching.inference_call import InferenceCall, RowWriter
from serving.codecs.inputs import Inputs
from serving.codecs.request_body import RequestBody
from serving.codecs.response_body import Cells, Classes
from serving.errors import StatusError, invalid
from serving.models.signatures import Signature
from serving.models.version import Version

_OUTPUTS = ("classes", "scores")


class CheckedClasses(Classes):
    """Writes classifications after checking that the outputs are some."""

    def cells(self, outputs: Mapping[str, NDArray[Any]], signature: Signature) -> Cells:
        """The JSON of each example.

        Raises:
            StatusError: the outputs are not [examples, classes] in shape, or not text and float.
        """
        outputs = {name: outputs[name] for name in _OUTPUTS if name in outputs}
        for name, dtype, word in (("classes", "string", "DT_STRING"), ("scores", "float", "DT_FLOAT")):
            if name not in outputs:
                continue
            value = outputs[name]
            if value.ndim != 2:
                raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {debug_shape(value.shape)}")
            if signature.outputs[name].dtype != dtype:
                raise invalid(f"Expected {name} Tensor of {word}. Got: DT_{signature.outputs[name].dtype.upper()}")
        if len(outputs) == 2 and outputs["classes"].shape[1] != outputs["scores"].shape[1]:
            raise invalid(
                "Tensors class and score should match in dim_size(1). Got "
                f"{outputs['classes'].shape[1]} vs. {outputs['scores'].shape[1]}"
            )
        return super().cells(outputs, signature)


_CLASSES = CheckedClasses()


def classify(body: RequestBody, serialized: list[bytes], version: Version) -> InferenceCall:
    """The call for examples.

    Raises:
        StatusError: the signature does not exist, or is none that takes examples and gives classes or scores.
    """
    signature = example_signature(body, version)
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if "inputs" not in signature.inputs:
        raise StatusError("FAILED_PRECONDITION", f"No classification inputs found in SignatureDef: {signature.text}")
    if not any(name in signature.outputs for name in _OUTPUTS):
        raise StatusError(
            "FAILED_PRECONDITION",
            'Expected classification signature outputs to contain at least one of "classes" or "scores". Signature '
            f"was: {signature.text}",
        )
    return example_call(version, signature, serialized, _CLASSES, "Classify")


def example_signature(body: RequestBody, version: Version) -> Signature:
    """The signature a :classify or :regress request asks for.

    Raises:
        StatusError: it does not exist, or takes more than one input.
    """
    name = body.signature_name()
    signature = version.servable.signatures.get(name)
    if signature is None:
        raise invalid(f"No signature was found with the name: {name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    return signature


def example_call(
    version: Version, signature: Signature, serialized: list[bytes], writer: RowWriter, api: str
) -> InferenceCall:
    """The call of a signature with serialized tf.Examples.

    Raises:
        StatusError: the input is no text.
    """
    dtype = signature.inputs["inputs"].dtype
    if dtype != "string":
        raise invalid(f"Expects arg[0] to be {dtype} but string is provided")
    inputs = Inputs((serialized,), signature.scalar_rows, len(serialized))
    return InferenceCall(version, signature, inputs, writer, api, len(serialized))


def debug_shape(shape: tuple[int, ...]) -> str:
    """A shape as TensorShape::DebugString spells it."""
    return f"[{','.join(map(str, shape))}]"
