"""The recorded exchanges of TensorFlow Serving, sent to our server."""

import base64
import json
import math
from typing import Any

import pytest

from tests.serving.live import GOLDEN, ServerProcess, ask

EXCHANGES = [json.loads(line) for line in (GOLDEN / "rest.jsonl").read_text().splitlines()]
FAMILIES = (
    ":tensorflow:serving:request_count",
    ":tensorflow:serving:request_latency",
    ":tensorflow:serving:runtime_latency",
    ":tensorflow:cc:saved_model:load_attempt_count",
    ":tensorflow:cc:saved_model:load_latency",
)


def _of(kind: str) -> list[dict[str, Any]]:
    return [each for each in EXCHANGES if each["kind"] == kind]


def _name(exchange: dict[str, Any]) -> str:
    return str(exchange["name"])


def _sent(exchange: dict[str, Any], server: ServerProcess) -> tuple[int, bytes, dict[str, str]]:
    given = exchange["request_body"]
    body = base64.b64decode(given["b64"]) if isinstance(given, dict) else given.encode() if given else None
    return ask(server.url, exchange["method"], exchange["path"], body, exchange["request_headers"])


def _equal(want: Any, got: Any) -> bool:
    """JSON equality; numbers within single precision, and error texts without the names of graph nodes."""
    if isinstance(want, dict) and isinstance(got, dict):
        return want.keys() == got.keys() and all(_equal(want[key], got[key]) for key in want)
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(_equal, want, got))
    if isinstance(want, str) and isinstance(got, str):
        return want.partition("\n\t [[")[0] == got.partition("\n\t [[")[0]
    if isinstance(want, float) and isinstance(got, float):
        return math.isclose(want, got, rel_tol=1e-5, abs_tol=1e-7) or (math.isnan(want) and math.isnan(got))
    return type(want) is type(got) and bool(want == got)


@pytest.mark.parametrize("exchange", _of("contract"), ids=_name)
def test_contract(exchange: dict[str, Any], golden_server: ServerProcess) -> None:
    status, body, headers = _sent(exchange, golden_server)
    assert status == exchange["status"], body
    assert headers["content-type"] == exchange["response_content_type"]
    assert _equal(json.loads(exchange["response_body"]), json.loads(body)), body


@pytest.mark.parametrize("exchange", _of("quirk"), ids=_name)
def test_quirk(exchange: dict[str, Any], golden_server: ServerProcess) -> None:
    status, _, headers = _sent(exchange, golden_server)
    assert (status, headers["content-type"]) == (exchange["status"], exchange["response_content_type"])


@pytest.mark.parametrize("exchange", _of("metrics"), ids=_name)
def test_metrics_page(exchange: dict[str, Any], golden_server: ServerProcess) -> None:
    status, body, headers = _sent(exchange, golden_server)
    assert (status, headers["content-type"]) == (exchange["status"], exchange["response_content_type"])
    if exchange["method"] == "GET" and status == 200:
        assert all(name in body.decode() for name in FAMILIES)


@pytest.mark.parametrize("name", ["row_rank2_single", "single_row_lists", "types_col_ok", "status", "sig_unknown"])
def test_the_layout_is_the_same_to_the_byte_but_for_the_order_of_keys(name: str, golden_server: ServerProcess) -> None:
    exchange = next(each for each in EXCHANGES if each["name"] == name)
    _, body, _ = _sent(exchange, golden_server)

    def lines(text: str) -> list[str]:
        return sorted(line.rstrip(",") for line in text.splitlines())

    assert lines(body.decode()) == lines(exchange["response_body"])
