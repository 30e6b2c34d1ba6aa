"""The recorded exchanges of TensorFlow Serving, sent through the gateway to our server."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving.gateway.gateway_process import GatewayProcess, gateway
from tests.serving.live import GOLDEN, ServerProcess, ask, eventually

_PASSED = re.compile(r"(?:http://[^/]*)?/v1/models/")
EXCHANGES = [json.loads(line) for line in (GOLDEN / "rest.jsonl").read_text().splitlines()]
CONTRACT = [each for each in EXCHANGES if each["kind"] == "contract"]
QUIRKS = [each for each in EXCHANGES if each["kind"] == "quirk" and _PASSED.match(each["path"])]
"""Those of other paths get the gateway's own answers."""


@pytest.fixture(scope="module")
def door(golden_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with gateway(golden_server.url, log=tmp_path_factory.mktemp("gateway") / "log") as process:
        yield process


def _sent(exchange: dict[str, Any], url: str) -> tuple[int, bytes, dict[str, str]]:
    given = exchange["request_body"]
    body = base64.b64decode(given["b64"]) if isinstance(given, dict) else given.encode() if given else None
    return ask(url, exchange["method"], exchange["path"], body, exchange["request_headers"])


def _lines(body: bytes) -> list[bytes]:
    return sorted(line.rstrip(b",") for line in body.splitlines())


@pytest.mark.parametrize("exchange", CONTRACT, ids=[each["name"] for each in CONTRACT])
def test_contract(exchange: dict[str, Any], golden_server: ServerProcess, door: GatewayProcess) -> None:
    status, body, headers = _sent(exchange, door.url)
    assert (status, headers["content-type"]) == (exchange["status"], exchange["response_content_type"]), body
    direct, directly, _ = _sent(exchange, golden_server.url)
    assert (status, _lines(body)) == (direct, _lines(directly))


@pytest.mark.parametrize("exchange", QUIRKS, ids=[each["name"] for each in QUIRKS])
def test_quirk(exchange: dict[str, Any], door: GatewayProcess) -> None:
    status, _, headers = _sent(exchange, door.url)
    assert (status, headers["content-type"]) == (exchange["status"], exchange["response_content_type"])


def test_the_version_is_told_once_two_asks_agree(door: GatewayProcess) -> None:
    def version(path: str) -> str:
        return ask(door.url, "GET", path)[2]["x-model-version"]

    assert eventually(lambda: version("/v1/models/customer-model/metadata") == "1", within=10)
    assert version("/v1/models/two/versions/2/metadata") == "2"
    assert version("/v1/models/two/versions/9/metadata") == "unknown"
    assert version("/v1/models/customer-model/labels/stable/metadata") == "unknown"
    health = json.loads(ask(door.url, "GET", "/healthz")[1])
    assert health == {"status": "ok", "model": "customer-model", "version": "1"}


def test_the_log_has_no_query(door: GatewayProcess) -> None:
    ask(door.url, "GET", "/v1/models/customer-model?secret=Mary", None, {"X-Request-Id": "one-to-find"})
    line = eventually(lambda: [each for each in door.log.read_text().splitlines() if "one-to-find" in each])[0]
    assert '"/v1/models/customer-model"' in line
    assert "Mary" not in door.log.read_text()
