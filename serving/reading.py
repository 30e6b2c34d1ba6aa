"""Understands the body of a request for a model."""

from __future__ import annotations

from serving.call import Call
from serving.classify import classify
from serving.examples import examples
from serving.exchange import Exchange
from serving.limits import Limits
from serving.manager import Manager
from serving.predict import predict
from serving.regress import regress
from serving.request import RequestBody
from serving.routes import Route
from serving.status import StatusError
from serving.targets import unpacked


class TooLargeError(StatusError):
    """An unpacked body beyond the limit."""


def read_call(exchange: Exchange, wanted: Route, manager: Manager, limits: Limits, *, hurry: bool = False) -> Call:
    """The call a request asks for; its version is acquired. May run on any thread.

    Args:
        exchange: the request.
        wanted: what its target asks for.
        manager: the models.
        limits: what is taken on at most.
        hurry: whether this is a thread that other requests wait for.

    Raises:
        NeedsTimeError: it is in a hurry, and this request takes longer.
        TooLargeError: the body is too large when unpacked.
        StatusError: the request is wrong, or there is no such model.
    """
    text = exchange.body
    if exchange.gzipped:
        inflated = unpacked(text, most=limits.body_bytes)
        if inflated is None:
            most = limits.body_bytes
            raise TooLargeError("INVALID_ARGUMENT", f"The unpacked request body is larger than {most} bytes.")
        text = inflated
    body = RequestBody(text, hurry=hurry, still_wanted=exchange.still_wanted)
    serialized: list[bytes] = []
    if wanted.verb == "predict":
        body.requested_signature()  # a name that is no text is noticed before a model that is not there
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
