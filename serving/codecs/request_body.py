"""The body of a :predict, :classify or :regress request, read as fast as its form allows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from serving.codecs import fast_path
from serving.codecs.column_format import columns
from serving.codecs.json_parser import JsonObject, parse
from serving.codecs.json_text import spelled
from serving.codecs.row_format import rows
from serving.codecs.tensors import Column
from serving.errors import StatusError, invalid
from serving.models.signatures import DEFAULT_SIGNATURE, Signature

_QUICK_BYTES = 1024


class NeedsTimeError(Exception):
    """The text is too long to be read in a hurry by anything but the fast parser."""


class RequestBody:
    """A JSON object. Errors are raised in the order in which TensorFlow Serving notices them.

    Args:
        text: what was sent.
        hurry: whether other requests wait for this thread; then any method may raise NeedsTimeError.
        still_wanted: called often during long work; what it raises ends that.

    Raises:
        StatusError: at once when the text is no JSON object.
    """

    def __init__(self, text: bytes, *, hurry: bool = False, still_wanted: Callable[[], object] = bool) -> None:
        self._text = text
        self._in_time = not hurry or len(text) <= _QUICK_BYTES
        self.still_wanted = still_wanted
        self._plain, self._unique = fast_path.decode(text), False
        if self._plain is None:
            self._need_time()
            self._plain, self._unique = fast_path.decode_with_nan(text), True
        if self._plain is None:
            _ = self.exact

    @cached_property
    def exact(self) -> JsonObject:
        """The object as it was written. Costly for large texts."""
        self._need_time()
        document = parse(self._text, self.still_wanted)
        if not isinstance(document, JsonObject):
            raise invalid(f"JSON Value: {spelled(document)} Is not object")
        return document

    def signature_name(self) -> str:
        """The signature to call: the one the request names, or the default one.

        Raises:
            StatusError: the name is no text.
        """
        return self.requested_signature() or DEFAULT_SIGNATURE

    def requested_signature(self) -> str:
        """The signature the request names; empty when it names none.

        Raises:
            StatusError: the name is no text.
        """
        name = self._plain.get("signature_name", "") if self._plain is not None else None
        # A fast parser keeps the last of repeated names, the original looks at the first.
        if not isinstance(name, str) or (
            b"signature" in self._text and (self._text.count(b"signature_name") > 1 or b"\\u" in self._text)
        ):
            there, name = self.exact.find("signature_name")
            name = name if there else ""
            if not isinstance(name, str):
                raise self.wrong("not formatted correctly. 'signature_name' key must be a string value.")
        return name

    def tensors(self, signature: Signature) -> tuple[dict[str, Column], bool]:
        """The inputs for a signature, and whether they came as rows (else as columns).

        Raises:
            StatusError: the request does not fit the signature.
        """
        if self._plain is not None:
            by_row = "instances" in self._plain
            taken = (fast_path.rows if by_row else fast_path.columns)(self._plain, signature)
            # A fast parser keeps the last of repeated keys, silently. As many colons as keys: none was repeated.
            if taken is not None and (self._unique or self._text.count(b":") == taken[1] or not self._repeats_keys()):
                return taken[0], by_row
        return self._exact_tensors(signature)

    def find(self, key: str) -> tuple[bool, Any]:
        """Whether a top-level key is there, and its value."""
        return self.exact.find(key)

    def wrong(self, what: str) -> StatusError:
        """An error that quotes the beginning of the request."""
        return invalid(f"JSON Value: {spelled(self.exact)} {what}")

    def _need_time(self) -> None:
        if not self._in_time:
            raise NeedsTimeError

    def _repeats_keys(self) -> bool:
        self._need_time()
        return fast_path.repeats_keys(self._text)

    def _exact_tensors(self, signature: Signature) -> tuple[dict[str, Column], bool]:
        has_instances, instances = self.exact.find("instances")
        has_inputs, inputs = self.exact.find("inputs")
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
