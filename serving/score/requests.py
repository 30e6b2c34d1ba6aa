"""Requests for scores to a model server, chunk by chunk, all answered by one version."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple, TypeVar

from serving.client.model_client import ModelServer, Refused, ServingError, Unreachable
from serving.client.model_metadata import is_sample, signatures_of
from serving.tables.customers import Customer, Instance
from serving.tables.file_errors import RowsError

T = TypeVar("T")
TRIES = 3
"""How often scoring begins again because its version went away meanwhile."""
PATIENCE_SECONDS = 30.0
"""How long a server may be overloaded or unreachable before scoring fails."""
FOUND_WITHIN_SECONDS = 3.0
"""How long a server that was just started may know of no version at all."""
_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries; the last pause is repeated."""
_RETRY_SECONDS = 0.2
_SHOWN = 10
_LOADING = ("START", "LOADING")


class Score(NamedTuple):
    """The probability of being a target customer, and the label that follows from it."""

    probability: float
    label: str


class NotYetError(ServingError):
    """No version is available yet, and the server is loading one, or may not have looked for one.

    Attributes:
        seconds: How long that may take.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class VersionGoneError(Exception):
    """The version that gave the first scores is no longer served."""


def latest_version(server: ModelServer, *, within: float = 0.0) -> int:
    """The version that answers a request without a version.

    A server that was just started answers before it has loaded a version; one that it is loading is waited for, for
    `PATIENCE_SECONDS`, and one that it has not found yet for `FOUND_WITHIN_SECONDS`.

    Args:
        server: The model server.
        within: Seconds to wait in any other case, too.

    Raises:
        ServingError: No version is available, or the server does not answer.
    """
    began = time.monotonic()
    while True:
        try:
            return _latest_version(server)
        except ServingError as error:
            patience = max(within, error.seconds) if isinstance(error, NotYetError) else within
            left = began + patience - time.monotonic()
            if left <= 0:
                raise
            time.sleep(min(_RETRY_SECONDS, left))


def _latest_version(server: ModelServer) -> int:
    statuses = server.versions()
    available = [status.version for status in statuses if status.state == "AVAILABLE"]
    if not available:
        states = ", ".join(f"version {status.version} is {status.state}" for status in statuses) or "there are none"
        message = (
            f"{server.url} has no AVAILABLE version of {server.model} ({states}). Publish one, or wait, then try again."
        )
        if not statuses:
            raise NotYetError(message, FOUND_WITHIN_SECONDS)
        if any(status.state in _LOADING for status in statuses):
            raise NotYetError(message, PATIENCE_SECONDS)
        raise ServingError(message)
    return max(available)


def with_served_version(
    server: ModelServer, use: Callable[[int], T], begins_again: Callable[[], object]
) -> tuple[T, int]:
    """What `use` makes of the version that the server serves, and that version; again when it goes away meanwhile.

    Args:
        server: The model server.
        use: Does something with a version.
        begins_again: Called before each further try.

    Raises:
        VersionGoneError: The version went away each time.
        ServingError: No version is available, or the server does not answer.
    """
    wait = 0.0
    for left in reversed(range(TRIES)):
        version = latest_version(server, within=wait)
        try:
            return use(version), version
        except VersionGoneError:
            if not left:
                raise
            begins_again()
            wait = PATIENCE_SECONDS
    raise AssertionError("the last try returns or raises")


class ModelInfo(NamedTuple):
    """What the metadata of a version say.

    Attributes:
        inputs: The names of the inputs of its default signature, and whether each is a number (else text).
        is_sample: Whether it was trained on made-up customers.
    """

    inputs: dict[str, bool]
    is_sample: bool


def model_info(server: ModelServer, version: int) -> ModelInfo:
    """The metadata of a version.

    Raises:
        VersionGoneError: The version is no longer served.
        ServingError: The server does not answer, or the model takes something other than text and floats.
    """
    with _gone_at_404():
        metadata = server.metadata(version)
    listed = signatures_of(metadata).get("serving_default", {}).get("inputs", {})
    kinds = {"DT_STRING": False, "DT_FLOAT": True, "DT_DOUBLE": True}
    other = {name: spec.get("dtype") for name, spec in listed.items() if spec.get("dtype") not in kinds}
    if other or not listed:
        raise ServingError(
            f"Version {version} of {server.model} does not take rows of text and floats "
            f"({', '.join(f'{name}: {kind}' for name, kind in other.items()) or 'it names no inputs'})."
        )
    return ModelInfo({name: kinds[spec["dtype"]] for name, spec in listed.items()}, is_sample(metadata))


def score_chunks(
    server: ModelServer, version: int, chunks: Iterable[Sequence[Customer]], path: Path
) -> Iterator[tuple[Customer, Score | None]]:
    """Yields every row with its score, in order; None for one that is not a customer.

    Args:
        server: The model server.
        version: The version that must answer.
        chunks: The customers of one request each.
        path: The file, for error messages.

    Raises:
        VersionGoneError: The version is no longer served.
        RowsError: The server refuses a row, or answers it with what is no probability, such as NaN.
        ServingError: The server does not answer, or not with scores.
    """
    for chunk in chunks:
        asked = [(row.line, row.instance) for row in chunk if row.instance is not None]
        scores = iter(_score_chunk(server, version, asked, path) if asked else [])
        yield from ((row, None if row.instance is None else next(scores)) for row in chunk)


def _score_chunk(server: ModelServer, version: int, chunk: Sequence[tuple[int, Instance]], path: Path) -> list[Score]:
    try:
        with _gone_at_404():
            scores = _score_with_retries(server, version, [instance for _, instance in chunk])
    except Refused as refusal:
        if refusal.status not in (400, 413):
            raise
        if len(chunk) == 1:
            raise RowsError(str(path), 1, [f"line {chunk[0][0]}: the server answers: {refusal.said}"]) from refusal
    else:
        wrong = [
            f"line {line}: the model answers {_named(score.probability)}, which is no probability: are its values far "
            "too large or too small?"
            for (line, _), score in zip(chunk, scores, strict=True)
            if not 0 <= score.probability <= 1  # of NaN neither is true
        ]
        if wrong:
            raise RowsError(str(path), len(wrong), wrong[:_SHOWN])
        return scores
    # The request is too large, or one of its rows is wrong: try the halves.
    middle = len(chunk) // 2
    return _score_chunk(server, version, chunk[:middle], path) + _score_chunk(server, version, chunk[middle:], path)


def _named(number: float) -> str:
    return "NaN" if math.isnan(number) else f"{number:g}"


def probabilities(server: ModelServer, version: int, instances: Sequence[Mapping[str, object]]) -> list[float]:
    """The probabilities of rows that are made of those of customers.

    Raises:
        VersionGoneError: The version is no longer served.
        ServingError: The server does not answer, or not with scores.
    """
    with _gone_at_404():
        return [score.probability for score in _score_with_retries(server, version, instances)]


def score_known_rows(
    server: ModelServer, version: int, instances: Sequence[Mapping[str, object]]
) -> list[float] | None:
    """The probabilities of rows that may belong to another model, or None when the server refuses them.

    Raises:
        VersionGoneError: The version is no longer served.
        ServingError: The server does not answer, or not with scores.
    """
    try:
        return probabilities(server, version, instances)
    except Refused as refusal:
        if refusal.status != 400:
            raise
        return None


@contextmanager
def _gone_at_404() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        if refusal.status == 404:
            raise VersionGoneError(str(refusal)) from refusal
        raise


def _score_with_retries(server: ModelServer, version: int, instances: Sequence[Mapping[str, object]]) -> list[Score]:
    end = time.monotonic() + PATIENCE_SECONDS
    pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
    while True:
        try:
            return _score_once(server, version, instances)
        except (Unreachable, Refused) as error:
            pause = next(pauses)
            may_pass = isinstance(error, Unreachable) or error.status in (503, 504)
            if not may_pass or time.monotonic() + pause > end:
                raise
        time.sleep(pause)


def _score_once(server: ModelServer, version: int, instances: Sequence[Mapping[str, object]]) -> list[Score]:
    answers = server.predict(instances, version=version)
    try:
        scores = [Score(float(answer["probability"]), str(answer["label"])) for answer in answers]
    except (TypeError, KeyError, ValueError) as error:
        raise ServingError(
            f"{server.url} does not answer with probability and label. Is {server.model} a model of this project?"
        ) from error
    if len(scores) != len(instances):
        raise ServingError(f"{server.url} gave {len(scores)} answers to {len(instances)} customers.")
    return scores
