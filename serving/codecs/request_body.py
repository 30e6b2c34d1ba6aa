"""The body of a :predict, :classify or :regress request, read by the exact rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from serving.codecs.column_format import columns
from serving.codecs.json_parser import JsonObject, parse
from serving.codecs.json_text import spelled
from serving.codecs.row_format import rows
from serving.codecs.tensors import Column
from serving.errors import StatusError, invalid
from serving.models.signatures import DEFAULT_SIGNATURE, Signature


class RequestBody:
    """A JSON object. Errors are raised in the order in which TensorFlow Serving notices them.

    Args:
        text: what was sent.
        still_wanted: called often during long work; what it raises ends that.

    Raises:
        StatusError: INVALID_ARGUMENT, the text is not a JSON object.
    """

    def __init__(self, text: bytes, *, still_wanted: Callable[[], object] = bool) -> None:
        self.still_wanted = still_wanted
        document = parse(text, still_wanted)
        if not isinstance(document, JsonObject):
            raise invalid(f"JSON Value: {spelled(document)} Is not object")
        self._document = document

    def signature_name(self) -> str:
        """The signature to call: the one the request names, or the default one.

        Raises:
            StatusError: INVALID_ARGUMENT, the name is not a string.
        """
        return self.requested_signature() or DEFAULT_SIGNATURE

    def requested_signature(self) -> str:
        """The signature the request names; empty when it names none.

        Raises:
            StatusError: INVALID_ARGUMENT, the name is not a string.
        """
        there, name = self.find("signature_name")
        if not there:
            return ""
        if not isinstance(name, str):
            raise self.wrong("not formatted correctly. 'signature_name' key must be a string value.")
        return name

    def tensors(self, signature: Signature) -> tuple[dict[str, Column], bool]:
        """The inputs for a signature, and whether they came as rows (else as columns).

        Raises:
            StatusError: INVALID_ARGUMENT, the request does not fit the signature.
        """
        has_instances, instances = self.find("instances")
        has_inputs, inputs = self.find("inputs")
        if has_instances and has_inputs:
            raise self.wrong("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
        if has_instances:
            if type(instances) is not list:
                raise self.wrong("Expecting 'instances' to be an list/array")
            if not instances:
                raise self.wrong("No values in 'instances' array")
            return rows(instances, signature, self.still_wanted), True
        if has_inputs:
            return columns(inputs, signature), False
        raise invalid("Missing 'inputs' or 'instances' key")

    def find(self, key: str) -> tuple[bool, Any]:
        """Whether a top-level key is there, and the value of its first occurrence."""
        return self._document.find(key)

    def wrong(self, what: str) -> StatusError:
        """An error that quotes the beginning of the request."""
        return invalid(f"JSON Value: {spelled(self._document)} {what}")
