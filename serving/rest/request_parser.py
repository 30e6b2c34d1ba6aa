"""Understands the body of a request for a model."""

from __future__ import annotations

from serving.batching.inference_call import InferenceCall
from serving.codecs.gzip_body import unpacked
from serving.codecs.request_body import RequestBody
from serving.codecs.response_body import error_body
from serving.codecs.tf_examples import examples
from serving.errors import StatusError
from serving.http.exchange import Exchange
from serving.http.limits import Limits
from serving.models.manager import Manager
from serving.rest.classify import classify
from serving.rest.predict import predict, predict_fast
from serving.rest.regress import regress
from serving.rest.router import Route

_QUICK_BYTES = 1024
"""The exact rules take about half a millisecond for so many."""


class NeedsTimeError(Exception):
    """The request is too long to be read by the exact rules while others wait."""


class TooLargeError(StatusError):
    """An unpacked body beyond the limit."""


def unpack(exchange: Exchange, limits: Limits) -> bytes:
    """The body of a gzip request; empty when it is no whole gzip. May run on any thread.

    Raises:
        TooLargeError: it is too large when unpacked.
    """
    text = unpacked(exchange.body, most=limits.body_bytes)
    if text is None:
        most = limits.body_bytes
        raise TooLargeError("INVALID_ARGUMENT", f"The unpacked request body is larger than {most} bytes.")
    return text


def read_call(exchange: Exchange, wanted: Route, manager: Manager, *, hurry: bool = False) -> InferenceCall:
    """The call a request asks for; its version is acquired. May run on any thread.

    Args:
        exchange: the request.
        wanted: what its target asks for.
        manager: the models.
        hurry: whether this is a thread that other requests wait for.

    Raises:
        NeedsTimeError: it is in a hurry, and this request takes longer.
        StatusError: the request is wrong, or there is no such model.
    """
    text = exchange.body
    if wanted.verb == "predict":
        call = predict_fast(text, wanted, manager)
        if call is not None:
            return call
    if hurry and len(text) > _QUICK_BYTES:
        raise NeedsTimeError
    body = RequestBody(text, still_wanted=exchange.still_wanted)
    serialized: list[bytes] = []
    if wanted.verb == "predict":
        body.requested_signature()  # a name that is not a string is noticed before a model that is not there
    elif manager.awake:
        # Examples need TensorFlow, which may still be on its way in; then no model is there either.
        serialized = examples(body)
    version = manager.acquire(wanted.model, wanted.version, wanted.label)
    try:
        if wanted.verb == "predict":
            return predict(body, version)
        if wanted.verb == "classify":
            return classify(body, serialized, version)
        return regress(body, serialized, version)
    except BaseException:
        version.release()
        raise


def read_call_apart(exchange: Exchange, wanted: Route, manager: Manager) -> InferenceCall:
    """As `read_call` with all the time it needs; an error brings its answer along, so that the loop need not write it.

    Raises:
        StatusError: the request is wrong, or there is no such model.
    """
    try:
        return read_call(exchange, wanted, manager)
    except StatusError as error:
        error_body(error)
        raise
