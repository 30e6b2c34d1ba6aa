"""One request to a whole URL."""

import pytest

from serving.client.transport import Response, TransportError, request
from tests.serving.client.stand_in import Answer, Request, stand_in


def test_a_request_carries_its_json_its_token_and_its_query() -> None:
    asked: list[Request] = []

    def answer(asks: Request) -> Answer:
        asked.append(asks)
        return 201, {"id": 7}

    with stand_in(answer) as url:
        patched = request("PATCH", f"{url}/api/dags/a?b=c&d=%20", json_body={"paused": False}, token="t0ken")
        listed = request("GET", f"{url}/api/dags")
    assert asked == [
        Request("PATCH", "/api/dags/a?b=c&d=%20", "Bearer t0ken", {"paused": False}),
        Request("GET", "/api/dags", None, None),
    ]
    assert patched == listed == Response(201, b'{"id": 7}')
    assert patched.json() == {"id": 7}


def test_an_error_status_is_an_answer_and_what_is_not_json_is_none() -> None:
    with stand_in(lambda _: (500, b"out of order \xff")) as url:
        response = request("GET", url)
    assert (response.status, response.text, response.json()) == (500, "out of order \ufffd", None)


def test_a_redirect_is_not_followed_and_a_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with stand_in(lambda asks: (302, {"path": asks.path})) as url:
        assert request("GET", f"{url}/here") == Response(302, b'{"path": "/here"}')


def test_nothing_there_is_a_transport_error() -> None:
    with stand_in(lambda _: (200, {})) as url:
        pass
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        request("GET", url)
