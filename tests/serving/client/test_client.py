"""The client against servers that are missing, slow, or not model servers at all."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from serving.client.model_client import DeadlineExceeded, ModelServer, Refused, TooSlow, Unreachable, VersionFailed
from serving.client.version_status import VersionStatus
from tests.serving.client.stand_in import Answer, Request, stand_in


def _status(version: int, state: str, code: str = "OK", message: str = "") -> dict[str, object]:
    return {"version": str(version), "state": state, "status": {"error_code": code, "error_message": message}}


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with stand_in(lambda _: (200, {})) as url:
        pass
    with pytest.raises(Unreachable, match=rf"{url}/v1/models/customer-model does not answer \(ConnectionRefusedError"):
        ModelServer(url).versions()
    with pytest.raises(DeadlineExceeded, match=r"within 0.2 s; last it said: .*does not answer"):
        ModelServer(url).wait_available(1, deadline=0.2)


def test_a_server_that_never_answers_is_unreachable() -> None:
    release = threading.Event()

    def answer(_: Request) -> Answer:
        release.wait(20)
        return 200, {}

    with stand_in(answer) as url:
        with pytest.raises(TooSlow, match=r"TimeoutError: no complete answer within 0\.2 s"):
            ModelServer(url, timeout=0.2).versions()
        release.set()


def test_an_answer_that_drips_ends_with_the_time_for_the_whole_question() -> None:
    """Each byte comes well within a socket's time-out, and all of them take a minute."""
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n" + b" " * 600:
                    connection.sendall(bytes([byte]))
                    if ended.wait(0.1):
                        return
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        with pytest.raises(Unreachable, match=r"no complete answer within 0\.5 s"):
            ModelServer(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.5).versions()
        ended.set()
        thread.join()


@pytest.mark.skipif(
    shutil.which("openssl") is None and "CI" not in os.environ, reason="no openssl to make a certificate with"
)
def test_https_is_spoken_and_the_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    said = {"model_version_status": [_status(3, "AVAILABLE")]}
    with stand_in(lambda _: (200, said), tls=context) as url:
        port = urlsplit(url).port
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            ModelServer(f"https://localhost:{port}").versions()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ModelServer(f"https://localhost:{port}").versions() == [VersionStatus(3, "AVAILABLE", "OK", "")]


@pytest.mark.parametrize(
    "url", ["localhost:8501", "ftp://localhost", "http://", "http://localhost:port", "http://[::1"]
)
def test_what_is_not_the_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write it as http://HOST:PORT"):
        ModelServer(url)


def test_a_server_of_another_kind_is_refused() -> None:
    with stand_in(lambda _: (200, b"<html>hello</html>")) as url, pytest.raises(Refused, match="<html>hello"):
        ModelServer(url).versions()


def test_waiting_sees_a_version_through_its_states() -> None:
    said = iter(
        [
            (404, {"error": "Could not find version 2 of model m"}),
            (200, {"model_version_status": [_status(2, "LOADING")]}),
            (503, {"error": "busy"}),
            (200, {"model_version_status": [_status(2, "AVAILABLE")]}),
        ]
    )
    with stand_in(lambda _: next(said)) as url:
        assert ModelServer(url, "m").wait_available(2, deadline=20) == VersionStatus(2, "AVAILABLE", "OK", "")


def test_waiting_ends_at_once_when_the_version_failed() -> None:
    failed = _status(2, "END", "DATA_LOSS", "Can't parse it")
    with stand_in(lambda _: (200, {"model_version_status": [failed]})) as url:
        with pytest.raises(VersionFailed, match="version 2 of m: DATA_LOSS: Can't parse it") as caught:
            ModelServer(url, "m").wait_available(2, deadline=20)
        assert caught.value.status == VersionStatus(2, "END", "DATA_LOSS", "Can't parse it")


def test_waiting_gives_up_with_the_last_word() -> None:
    with (
        stand_in(lambda _: (200, {"model_version_status": [_status(2, "LOADING")]})) as url,
        pytest.raises(DeadlineExceeded, match="last it said: version 2 is LOADING"),
    ):
        ModelServer(url, "m").wait_available(2, deadline=0.3)


def test_predict_sends_nan_bare_and_asks_for_the_version() -> None:
    asked: list[Request] = []

    def answer(asks: Request) -> Answer:
        asked.append(asks)
        return 200, {"predictions": [1, 2]}

    with stand_in(answer) as url:
        assert ModelServer(url, "a b").predict([{"x": float("nan")}, {"x": 1}], version=3) == [1, 2]
    assert asked[0].path == "/v1/models/a%20b/versions/3:predict"
    assert repr(asked[0].body) == "{'instances': [{'x': nan}, {'x': 1}]}"


def test_the_text_of_a_prediction_is_what_the_server_wrote() -> None:
    with stand_in(lambda _: (200, b'{\n    "predictions": [1]\n}')) as url:
        assert ModelServer(url).predict_text([{"x": 1}]) == '{\n    "predictions": [1]\n}'
    with stand_in(lambda _: (400, {"error": "no x"})) as url, pytest.raises(Refused, match="no x"):
        ModelServer(url).predict_text([{"y": 1}])


def test_a_server_is_live_when_it_answers_whatever_that_is() -> None:
    with stand_in(lambda _: (404, {"error": "Could not find any versions of model m"})) as url:
        assert ModelServer(url, "m").is_live()
        assert ModelServer(url, "m").model_url == f"{url}/v1/models/m"
    assert not ModelServer(url, "m").is_live()
