"""Rows of requests in both formats, plain and compressed, and those that cannot be read."""

import gzip
import json
from typing import Any

import pytest

from serving.gateway.records.frames import Frame, FrameReader, Passed, ScoredFile, StatusAsk, packed
from serving.gateway.records.instances import NoRowsError, rows_of
from serving.records.row import RecordedRow


def passed(request: Any, answer: Any, *, gzipped: bool = False) -> Passed:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return Passed("r", "m", None, 1.0, 2.0, 1e9, gzipped, body, json.dumps(answer).encode())


def told(rows: list[RecordedRow]) -> list[tuple[int, float | None, str | None, dict[str, Any]]]:
    return [(row.row, row.probability, row.label, dict(row.features)) for row in rows]


ROWS = {"instances": [{"Age": 22, "Gender": "Male"}, {"Age": [40.5], "Gender": {"b64": "QQ=="}}]}
ANSWER = {"predictions": [{"probability": 0.25, "label": "rest"}, {"probability": [0.75], "label": "D"}]}
EXPECTED = [
    (1, 0.25, "rest", {"Age": 22.0, "Gender": "Male"}),
    (2, 0.75, "D", {"Age": 40.5, "Gender": '{"b64": "QQ=="}'}),
]


def test_rows() -> None:
    assert told(rows_of(passed(ROWS, ANSWER), "7", ())) == EXPECTED


def test_columns_are_the_same_rows() -> None:
    columns = {"inputs": {"Age": [22, [40.5]], "Gender": ["Male", {"b64": "QQ=="}]}}
    answer = {"outputs": {"probability": [0.25, [0.75]], "label": ["rest", "D"]}}
    assert told(rows_of(passed(columns, answer), "7", ())) == EXPECTED


def test_compressed_rows() -> None:
    body = gzip.compress(json.dumps(ROWS).encode())
    assert told(rows_of(passed(body, ANSWER, gzipped=True), "7", ())) == EXPECTED


def test_columns_on_the_redaction_list_are_left_out() -> None:
    assert told(rows_of(passed(ROWS, ANSWER), "7", ("Age",)))[0] == (1, 0.25, "rest", {"Gender": "Male"})


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"not JSON", ANSWER),
        ([], ANSWER),
        ({"instances": 3}, ANSWER),
        ({"instances": [{}]}, ANSWER),
        ({"inputs": {"a": [1, 2], "b": [1]}}, ANSWER),
        (ROWS, {"outputs": {}}),
        (ROWS, []),
        (b"[" * 100_000, ANSWER),
    ],
)
def test_what_is_not_the_same_rows_is_refused(request_: Any, answer: Any) -> None:
    with pytest.raises(NoRowsError):
        rows_of(passed(request_, answer), "7", ())


def test_compressed_rows_that_are_torn_are_refused() -> None:
    body = gzip.compress(json.dumps(ROWS).encode())[:-20]
    with pytest.raises(NoRowsError):
        rows_of(passed(body, ANSWER, gzipped=True), "7", ())


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_frames_come_as_they_went_however_they_are_cut(size: int) -> None:
    frames: list[Frame] = [
        StatusAsk("m", 1.5, 1.6, 7),
        passed(ROWS, ANSWER),
        ScoredFile(b"\x1f\x8b lines", is_last=True),
        StatusAsk("\u2728", 2.5, 2.6, None),
    ]
    data = b"".join(packed(frame) for frame in frames)
    reader = FrameReader()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == frames
