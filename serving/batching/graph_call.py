"""One call of a graph for one or several requests, and what each of them gets from it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from serving.batching.inference_call import InferenceCall
from serving.codecs.inputs import arrays
from serving.codecs.response_body import column_format, error_body
from serving.errors import StatusError, server_failed

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Result:
    """How a call ended.

    Attributes:
        body: the answer; empty when it failed.
        error: why it failed.
        seconds: how long the graph took, for all calls that ran together; 0 when it did not run.
    """

    body: bytes = b""
    error: StatusError | None = None
    seconds: float = 0.0


def run_together(calls: Sequence[InferenceCall]) -> list[Result]:
    """Runs calls that agree in `shared_key` as one; when that fails each runs alone, so that none spoils others.

    Returns:
        One result for each call, in order.
    """
    wanted = [call for call in calls if not call.given_up()]
    if not wanted:
        return [Result() for _ in calls]
    start = time.perf_counter()
    try:
        bodies, seconds = _run(wanted)
    except StatusError as error:
        if len(wanted) > 1:
            return [run_together([call])[0] for call in calls]
        error_body(error)  # here and not on the loop: it may quote megabytes
        results = [Result(error=error, seconds=time.perf_counter() - start)]
    except Exception:
        version = wanted[0].version
        _log.exception("a call of %s version %d failed", version.model, version.number)
        return [Result(error=server_failed()) for _ in calls]
    else:
        results = [Result(body, None, seconds) for body in bodies]
    if len(wanted) == len(calls):
        return results
    by_call = dict(zip(map(id, wanted), results, strict=True))
    return [by_call.get(id(call)) or Result() for call in calls]


def _run(calls: Sequence[InferenceCall]) -> tuple[list[bytes], float]:
    first = calls[0]
    signature, writer = first.signature, first.writer
    tensors = arrays([call.inputs for call in calls], signature)
    start = time.perf_counter()
    outputs = first.version.servable.run(tensors, signature=signature.name)
    seconds = time.perf_counter() - start
    if all(call.given_up() for call in calls):
        return [b""] * len(calls), seconds
    if writer is None:
        return [column_format(outputs, signature)], seconds
    cells = writer.cells(outputs, signature)
    found = len(cells[0])
    total = sum(call.rows for call in calls)
    if first.api != "Predict" and found != total:
        raise StatusError("INVALID_ARGUMENT", f"Input batch size did not match output batch size: {total} vs. {found}")
    if len(calls) == 1:
        return [writer.body(cells, slice(None), signature)], seconds
    if found != total:
        raise StatusError("INTERNAL", "outputs have other rows than inputs")  # these calls cannot share: run alone
    bodies, at = [], 0
    for call in calls:
        rows = slice(at, at + call.rows)
        bodies.append(writer.body(cells, rows, signature))
        at = rows.stop
    return bodies, seconds
