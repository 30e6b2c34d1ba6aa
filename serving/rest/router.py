"""Routes of the REST API. Source: tensorflow_serving/model_servers/http_rest_api_util.cc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from serving.errors import invalid

_CALL = re.compile(
    r"/v1/models/([^/:]+)(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?:(classify|regress|predict)", re.IGNORECASE
)
_QUESTION = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?(?:/(metadata))?", re.IGNORECASE
)
_LARGEST = (1 << 63) - 1

Verb = Literal["predict", "classify", "regress", "status", "metadata"]
_VERBS: dict[str, Verb] = {"predict": "predict", "classify": "classify", "regress": "regress"}
_LONGEST_KEPT = 512


@dataclass(frozen=True)
class Route:
    """What a request asks for.

    Attributes:
        verb: what to do.
        model: the model's name; empty when "status" or "metadata" is asked for without one.
        version: the version number, if one is named.
        label: the version label, if one is named.
    """

    verb: Verb
    model: str
    version: int | None
    label: str | None


def route(method: str, target: str) -> Route:
    """The route of a request.

    Args:
        method: the request method as sent.
        target: the request target as sent, with its query, which TensorFlow Serving takes for a part of the path.

    Raises:
        StatusError: INVALID_ARGUMENT, there is no such route, or the version number does not fit 64 bits.
    """
    return (_kept if len(target) <= _LONGEST_KEPT else _read)(method, target)


def _read(method: str, target: str) -> Route:
    found = None
    if method == "POST":
        found = _CALL.fullmatch(target)
    elif method == "GET":
        found = _QUESTION.fullmatch(target)
    if found is None:
        raise invalid(f"Malformed request: {method} {target}")
    model, version, label, last = found.groups()
    if version is not None and (len(version.lstrip("0")) > 19 or int(version) > _LARGEST):
        # TensorFlow Serving's words, which it makes and then leaves out of its answer.
        raise invalid(f"Failed to convert version: {version} to numeric.")
    # The patterns ignore case, the comparison behind them does not; so :PREDICT is malformed, /METADATA a status.
    verb = _VERBS.get(last or "") if method == "POST" else "metadata" if last == "metadata" else "status"
    if verb is None:
        raise invalid(f"Malformed request: {method} {target}")
    return Route(
        verb=verb,
        model=unquote(model or "", errors="surrogateescape"),
        version=None if version is None else int(version),
        label=None if label is None else unquote(label, errors="surrogateescape"),
    )


_kept = lru_cache(maxsize=1024)(_read)
