"""What the gateway tells the process that writes the record: frames on its standard input."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

_SIZES = struct.Struct("<BIII")
_PASSED, _STATUS, _SCORED = 0, 1, 2


@dataclass(frozen=True)
class StatusAsk:
    """What an ask for the status of a model told.

    Attributes:
        model: The model.
        asked_at: When it was asked, on the clock of `time.monotonic`.
        heard_at: When the answer came.
        version: The version that answers; None when there is none, or nothing was told.
    """

    model: str
    asked_at: float
    heard_at: float
    version: int | None


@dataclass(frozen=True)
class Passed:
    """A request that was passed on and answered well.

    Attributes:
        request_id: Its identifier.
        model: The model that was asked.
        version: The version that its target named; None when it named none, 0 when it named a label.
        sent_at: When it was sent on, on the clock of `time.monotonic`.
        answered_at: When the answer came.
        time: The same, in seconds since 1970.
        gzipped: Whether the request's body is compressed.
        request: The request's body; it is not part of the frame's head.
        answer: The answer's body; nor is it.
    """

    request_id: str
    model: str
    version: int | None
    sent_at: float
    answered_at: float
    time: float
    gzipped: bool
    request: bytes
    answer: bytes


@dataclass(frozen=True)
class ScoredFile:
    """A piece of a file that was scored.

    Attributes:
        lines: Rows of the record, a line each, compressed with gzip; it is not part of the frame's head.
        is_last: Whether it is the last piece of its file.
    """

    lines: bytes
    is_last: bool


Frame = StatusAsk | Passed | ScoredFile


def packed(frame: Frame) -> bytes:
    """A frame as bytes."""
    first = second = b""
    head: dict[str, Any] = {}
    if isinstance(frame, ScoredFile):
        kind, head, first = _SCORED, {"is_last": frame.is_last}, frame.lines
    elif isinstance(frame, StatusAsk):
        kind, head = _STATUS, asdict(frame)
    else:
        kind, first, second = _PASSED, frame.request, frame.answer
        head = {name: value for name, value in vars(frame).items() if name not in ("request", "answer")}
    text = json.dumps(head).encode()
    return b"".join((_SIZES.pack(kind, len(text), len(first), len(second)), text, first, second))


class FrameReader:
    """Frames from bytes as they come."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yields the frames that are complete."""
        self._data += data
        start = 0
        while len(self._data) - start >= _SIZES.size:
            kind, head_size, first_size, second_size = _SIZES.unpack_from(self._data, start)
            head_at = start + _SIZES.size
            first_at = head_at + head_size
            second_at = first_at + first_size
            end = second_at + second_size
            if len(self._data) < end:
                break
            head = json.loads(self._data[head_at:first_at])
            first, second = bytes(self._data[first_at:second_at]), bytes(self._data[second_at:end])
            start = end
            if kind == _STATUS:
                yield StatusAsk(**head)
            elif kind == _PASSED:
                yield Passed(**head, request=first, answer=second)
            else:
                yield ScoredFile(first, **head)
        del self._data[:start]
