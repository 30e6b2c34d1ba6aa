"""What stands between the client and kaggle.com is named, and is not tried again when that cannot help."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ml.data.kaggle.connection_trouble import trouble_report
from ml.errors import FinalError, TransientError

if TYPE_CHECKING:
    from tests.ml.data.kaggle.kaggle_world import World

pytest_plugins = ["tests.ml.data.kaggle.kaggle_world"]


@contextmanager
def server(answer: bytes, certificate: Path | None = None) -> Iterator[str]:
    """Something that listens on this machine and gives the same answer to everybody; yields HOST:PORT."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:  # the end of the test
                    return
                try:
                    if context is not None:
                        client = context.wrap_socket(client, server_side=True)
                    client.recv(65536)
                    client.sendall(answer)
                except OSError:  # the client does not trust us
                    pass
                finally:
                    client.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def _trouble(url: str, **how: Any) -> dict[str, Any]:
    with pytest.raises(OSError) as met:  # noqa: PT011 - which one is what this is about
        requests.get(url, timeout=20, **how)
    return trouble_report(met.value)


def test_a_proxy_that_wants_a_password() -> None:
    with server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        report = _trouble("https://kaggle.test/", proxies={"https": f"http://name:s3cret@{proxy}"})
    assert report == {"kind": "proxy_login"}


def test_a_proxy_that_is_not_there() -> None:
    report = _trouble("https://kaggle.test/", proxies={"https": "http://127.0.0.1:40799"})  # not the status 407
    assert report == {"kind": "network", "error": "ProxyError"}


def test_a_socks_proxy_without_the_package_for_it() -> None:
    assert _trouble("https://kaggle.test/", proxies={"https": "socks5://127.0.0.1:9"}) == {"kind": "socks"}


@pytest.mark.parametrize("proxy", ["http://", "http://127.0.0.1:many", "http://[::1"])
def test_a_proxy_without_a_valid_address(proxy: str) -> None:
    assert _trouble("https://kaggle.test/", proxies={"https": proxy}) == {"kind": "proxy_address"}


def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", str(both), "-out", str(tmp_path / "cert")], check=True, capture_output=True)
    both.write_bytes(both.read_bytes() + (tmp_path / "cert").read_bytes())
    with server(b"", both) as place:
        assert _trouble(f"https://{place}/") == {"kind": "certificate"}


def test_a_file_of_certificates_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    assert _trouble("https://127.0.0.1:9/") == {"kind": "ca_bundle"}


def test_an_error_without_a_number_is_not_the_disk() -> None:
    assert trouble_report(OSError("something")) == {"kind": "failed", "error": "OSError"}
    assert trouble_report(OSError(28, "No space left on device", "x"))["kind"] == "disk"


def test_a_token_that_the_client_took_for_a_file_is_not_quoted() -> None:
    assert "s3cret" not in str(trouble_report(OSError(36, "File name too long", "s3cret" * 50)))
    assert trouble_report(OSError(28, "No space left on device", "/some/file"))["filename"] == "/some/file"


def test_the_client_does_not_try_again_what_a_proxy_refuses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy}")
        world.fails(FinalError, "plain", "407, the proxy wants a user name", "HTTPS_PROXY")
    assert world.pauses == []


def test_the_client_names_a_socks_proxy_that_it_cannot_use(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    world.fails(FinalError, "plain", "SOCKS proxy, and PySocks is not installed")
    assert world.pauses == []


def test_a_lost_line_is_still_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    world.fails(TransientError, "plain", "no connection", attempts=2)
    assert len(world.pauses) == 1


@pytest.mark.parametrize("around", ["{}\n", "\ufeff{}\r\n"])
def test_the_client_gets_a_credential_without_what_is_around_it(
    world: World, monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    import os

    monkeypatch.setenv("KAGGLE_KEY", around.format(os.environ["KAGGLE_KEY"]))
    assert world.ingest("plain").rows == 3
