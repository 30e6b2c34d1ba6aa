"""The nginx configuration of docs/deploy.md, run for real before a real gateway that trusts it."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.gateway.access import token_file
from serving.gateway.access.tokens import Token, new_secret, sha256
from tests.serving.gateway.gateway_process import StandIn, answer, gateway, stand_in
from tests.serving.live import ROOT, error_of, eventually
from tests.serving.railway.entry_script import with_nginx
from tests.serving.tensorflow_serving.image import free_port

pytestmark = with_nginx
NAME = "customers.example.com"
VERSION = "/v1/models/customer-model/versions/"
MOST_BYTES = 16 << 20
Answer = tuple[int, bytes, dict[str, str]]
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"


@dataclass(frozen=True)
class Site:
    """What clients reach.

    Attributes:
        plain_port: The proxy's port for plain HTTP.
        port: That for TLS.
        trusts: Accepts the certificate.
        secret: A token.
        door_port: That of the gateway.
        server: The server behind it.
    """

    plain_port: int
    port: int
    trusts: ssl.SSLContext
    secret: str
    door_port: int
    server: StandIn

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """The answer over TLS."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.trusts)
        return _answer(connection, method, path, body, {"Authorization": f"Bearer {self.secret}"} | (headers or {}))

    def ask_plainly(self, port: int, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        """The answer over plain HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        return _answer(connection, method, path, b"{}", {"Authorization": f"Bearer {self.secret}"} | (headers or {}))


def _answer(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | Iterable[bytes],
    headers: dict[str, str],
) -> Answer:
    try:
        connection.request(method, path, body, {"Host": NAME} | headers)
        response = connection.getresponse()
        return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def _configuration(directory: Path, ports: dict[str, int]) -> str:
    """nginx's configuration around the one of the documentation, with ports and files of this test."""
    blocks = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)
    [site] = blocks
    changes = {
        "listen 80;": f"listen 127.0.0.1:{ports['plain']};",
        "listen 443 ssl;": f"listen 127.0.0.1:{ports['tls']} ssl;",
        "127.0.0.1:8600;": f"127.0.0.1:{ports['gateway']};",
        "/etc/ssl/customers.example.com.pem": f"{directory}/site.pem",
        "/etc/ssl/private/customers.example.com.key": f"{directory}/site.key",
    }
    for there, here in changes.items():
        assert there in site
        site = site.replace(there, here)
    temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in TEMPORARY)
    main = f"daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log;\n"
    return f"{main}events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("tls")
    certificate = ("-keyout", directory / "site.key", "-out", directory / "site.pem", "-days", "2", "-nodes")
    names = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", *certificate, *names], check=True, capture_output=True
    )
    tokens, secret = directory / "tokens.json", new_secret()
    with token_file.changed(tokens) as added:
        added["shop"] = Token("shop", ("predict",), sha256(secret.encode()), body_bytes=MOST_BYTES)
    flags = (f"--tokens={tokens}", f"--host-name={NAME}", "--trusted-proxy=127.0.0.1")
    with stand_in(_tell_size) as server, gateway(server.url, *flags, log=directory / "log") as door:
        ports = {"plain": free_port(), "tls": free_port(), "gateway": int(door.url.rpartition(":")[2])}
        (directory / "nginx.conf").write_text(_configuration(directory, ports))
        proxy = subprocess.Popen([_NGINX, "-e", directory / "nginx.log", "-c", directory / "nginx.conf"])
        try:
            eventually(lambda: proxy.poll() is not None or _listens(ports["tls"]), within=20)
            assert proxy.poll() is None, (directory / "nginx.log").read_text()
            for kind in TEMPORARY:  # nginx made them; from now on it can write no body and no answer to a file
                (directory / kind).rmdir()
                (directory / kind).touch()
            trusts = ssl.create_default_context(cafile=str(directory / "site.pem"))
            yield Site(ports["plain"], ports["tls"], trusts, secret, ports["gateway"], server)
        finally:
            proxy.terminate()
            proxy.wait(20)


def _tell_size(request: bytes, connection: socket.socket) -> None:
    """Answers how large the body was, with as many bytes as it says in the path."""
    head, _, body = request.partition(b"\r\n\r\n")
    size = int(re.findall(rb"/versions/([0-9]+)", head)[0])
    connection.sendall(answer(b'{"size": %d}' % len(body) + b" " * size))


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def test_a_token_is_accepted_over_https(site: Site) -> None:
    status, body, headers = site.ask("POST", f"{VERSION}0:predict", b"{}")
    assert (status, json.loads(body)) == (200, {"size": 2})
    assert re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])
    assert headers["x-model-version"] == "0"


def test_a_token_over_plain_http_is_refused_and_does_not_reach_the_server(site: Site) -> None:
    before = len(site.server.requests)
    status, body, _ = site.ask_plainly(site.plain_port, "POST", f"{VERSION}0:predict")
    assert status == 403
    assert error_of(body) == "The token came over plain HTTP. Use https, and replace the token."
    # Nor does it help to go round the first server of the proxy: the gateway believes what the proxy says.
    status, body, _ = site.ask_plainly(site.door_port, "POST", f"{VERSION}0:predict", {"X-Forwarded-Proto": "http"})
    assert status == 403
    assert "plain HTTP" in error_of(body)
    assert len(site.server.requests) == before


def test_what_a_client_says_of_its_own_encryption_is_not_believed(site: Site) -> None:
    assert site.ask("POST", f"{VERSION}0:predict", b"{}", {"X-Forwarded-Proto": "http"})[0] == 200


def test_a_person_who_comes_over_plain_http_is_led_to_https(site: Site) -> None:
    status, _, headers = site.ask_plainly(site.plain_port, "GET", "/?top=5")
    assert (status, headers["location"]) == (308, f"https://{NAME}/?top=5")


def test_a_strange_name_is_refused_by_the_gateway(site: Site) -> None:
    assert site.ask("GET", "/v1/models/x/versions/1", headers={"Host": "evil.example"})[0] == 421


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_the_largest_body_and_a_large_answer_pass_and_no_file_of_them_is_written(site: Site, chunked: bool) -> None:
    body = b" " * MOST_BYTES
    parts = (body[start : start + (1 << 20)] for start in range(0, len(body), 1 << 20))
    status, told, _ = site.ask("POST", f"{VERSION}20000000:predict", parts if chunked else body)
    assert status == 200, told[:200]
    assert (json.loads(told), len(told) > 20_000_000) == ({"size": MOST_BYTES}, True)


def test_a_body_that_is_a_little_too_large_gets_the_gateways_own_words(site: Site) -> None:
    status, body, _ = site.ask("POST", f"{VERSION}0:predict", b" " * (MOST_BYTES + 1))
    assert status == 413
    assert str(MOST_BYTES) in error_of(body)
