"""Who is let in: tokens, scopes, limits, names of the host, and encryption on the way."""

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.gateway.access.encryption import Encryption
from serving.gateway.access.host_names import LOOPBACK_NAMES, strange_name
from serving.gateway.access.token_bucket import TokenBucket
from serving.gateway.access.token_file import TokenFile, TokenFileError, read
from serving.gateway.access.tokens import SCOPES
from tests.serving.gateway.gateway_process import StandIn, answer, gateway, stand_in
from tests.serving.live import ROOT, ask, error_of, eventually

PREDICT = "/v1/models/customer-model:predict"


def _token(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving.gateway", "token", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _added(file: Path, name: str, *more: str) -> str:
    done = _token("add", name, f"--file={file}", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "tokens.json"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as process:
        yield process


def test_a_token_is_printed_once_and_kept_as_its_hash(file: Path) -> None:
    secrets = [_added(file, name, "--scope=score", "--scope=predict") for name in ("anna", "shop")]
    assert len({*secrets}) == 2
    assert all(len(secret) >= 43 for secret in secrets)
    text = file.read_text()
    assert not [secret for secret in secrets if secret in text]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [(token.name, token.scopes) for token in read(file)] == [(n, ("score", "predict")) for n in ("anna", "shop")]
    again = _token("add", "anna", f"--file={file}", "--scope=score")
    assert (again.returncode, again.stdout) == (1, "")
    assert "has a token anna already" in again.stderr
    assert _token("list", f"--file={file}").stdout == "anna  score,predict\nshop  score,predict\n"
    assert _token("remove", "anna", f"--file={file}").returncode == 0
    assert _token("remove", "anna", f"--file={file}").returncode == 1
    assert [token.name for token in read(file)] == ["shop"]
    assert _token("add", "two words", f"--file={file}", "--scope=score").returncode == 2


def test_only_a_token_of_the_scope_is_let_in(file: Path, server: StandIn, tmp_path: Path) -> None:
    good, other = _added(file, "shop", "--scope=predict"), _added(file, "anna", "--scope=score")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:

        def told(headers: dict[str, str]) -> tuple[int, dict[str, str]]:
            status, _, answered = ask(door.url, "POST", PREDICT, b"{}", headers)
            return status, answered

        for wrong in ({}, {"Authorization": f"Basic {good}"}, _bearer(""), _bearer(good[:-1]), _bearer(f"{good}x")):
            status, headers = told(wrong)
            assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="gateway"')
        assert told(_bearer(other))[0] == 403
        assert server.requests == []
        status, headers = told(_bearer(good))
        assert status == 200
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert ask(door.url, "GET", "/healthz")[0] == 200
        log = eventually(lambda: [line for line in door.log.read_text().splitlines() if " shop" in line], within=10)
        assert '"/v1/models/customer-model:predict" 200' in log[0]
        assert good not in door.log.read_text()


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/models/customer-model", "predict"),
        ("POST", PREDICT, "predict"),
        ("OPTIONS", PREDICT, "predict"),
        ("POST", "/V1/Models/customer-model/versions/1:predict", "predict"),
        ("GET", "/v1/models", "predict"),
        ("POST", "http://localhost/v1/models/m:predict?x", "predict"),
        ("POST", "/v1/score", "score"),
        ("POST", "/v1/score?top=5", "score"),
        ("GET", "/v1/score", "score"),
    ],
)
def test_each_route_has_its_scope(
    method: str, path: str, scope: str, file: Path, server: StandIn, tmp_path: Path
) -> None:
    fitting = _added(file, "fitting", f"--scope={scope}")
    others = _added(file, "others", *(f"--scope={other}" for other in SCOPES if other != scope))
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        assert ask(door.url, method, path, b"{}")[0] == 401
        status, body, _ = ask(door.url, method, path, b"{}", _bearer(others))
        assert (status, error_of(body)) == (403, f"The token others is not for '{scope}'. Ask for one with that scope.")
        assert server.requests == []
        assert ask(door.url, method, path, b"{}", _bearer(fitting))[0] not in (401, 403)


@pytest.mark.parametrize("framing", ["Content-Length: 10000000", "Transfer-Encoding: chunked"])
def test_a_large_body_of_somebody_who_is_refused_is_not_waited_for(
    framing: str, file: Path, server: StandIn, tmp_path: Path
) -> None:
    good, other = _added(file, "good", "--scope=predict"), _added(file, "other", "--scope=score")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        host, port = door.url.removeprefix("http://").split(":")

        def said(path: str, *lines: str, before: bytes = b"") -> bytes:
            with socket.create_connection((host, int(port)), timeout=20) as client:
                head = "\r\n".join((f"POST {path} HTTP/1.1", framing, "Expect: 100-continue", *lines, "", ""))
                client.sendall(before + head.encode())
                told = client.recv(65536)
                while not told.startswith(b"HTTP/1.1 100") and (more := client.recv(65536)):
                    told += more
                return told

        refused = said(PREDICT)
        assert refused.startswith(b"HTTP/1.1 401 ")
        assert {b'WWW-Authenticate: Bearer realm="gateway"', b"Connection: close"} <= {*refused.split(b"\r\n")}
        assert said(PREDICT, f"Authorization: Bearer {other}").startswith(b"HTTP/1.1 403 ")
        assert said("/nothing", f"Authorization: Bearer {good}").startswith(b"HTTP/1.1 404 ")
        assert said(PREDICT, "Host: evil.example").startswith(b"HTTP/1.1 421 ")
        assert said("/login").startswith(b"HTTP/1.1 413 ")
        assert said("/healthz").startswith(b"HTTP/1.1 413 ")
        both = said(PREDICT, before=b"GET /healthz HTTP/1.1\r\n\r\n")
        assert both.index(b"HTTP/1.1 200 ") < both.index(b"HTTP/1.1 401 ")
        assert said(PREDICT, f"Authorization: Bearer {good}").startswith(b"HTTP/1.1 100 ")
        assert server.requests == []
        assert door.log.read_text().count(':predict" 401 ') == 2


def test_who_sends_a_large_body_all_the_same_is_told_why_not_and_who_may_is_heard(
    file: Path, server: StandIn, tmp_path: Path
) -> None:
    good, body = _added(file, "good", "--scope=predict"), b" " * (16 << 20)
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        assert ask(door.url, "POST", PREDICT, body)[0] == 401
        upgrade = {"Connection": "Upgrade", "Upgrade": "h2c"}
        assert ask(door.url, "POST", PREDICT, body, upgrade)[0] == 401
        assert server.requests == []
        assert ask(door.url, "POST", PREDICT, body, _bearer(good))[0] == 200
        assert ask(door.url, "POST", PREDICT, body, _bearer(good) | upgrade)[0] == 200
        assert [len(request.partition(b"\r\n\r\n")[2]) for request in server.requests] == [len(body)] * 2


def test_a_token_that_is_removed_is_refused_soon_and_a_broken_file_lets_nobody_in(
    file: Path, server: StandIn, tmp_path: Path
) -> None:
    first, second = _added(file, "first", "--scope=predict"), _added(file, "second", "--scope=predict")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:

        def status(secret: str) -> int:
            return ask(door.url, "POST", PREDICT, b"{}", _bearer(secret))[0]

        assert status(first) == 200
        _token("remove", "first", f"--file={file}")
        assert eventually(lambda: status(first) == 401, within=10)
        assert status(second) == 200
        file.write_text("{")
        assert eventually(lambda: status(second) == 401, within=10)
        assert "is not a file of tokens" in door.log.read_text()


def test_rate_and_size_are_limited_by_token(file: Path, server: StandIn, tmp_path: Path) -> None:
    slow = _added(file, "slow", "--scope=predict", "--rate=0.01", "--max-body-bytes=10")
    fast = _added(file, "fast", "--scope=predict")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        status, body, _ = ask(door.url, "POST", PREDICT, b" " * 11, _bearer(slow))
        assert (status, error_of(body)[:34]) == (413, "The token slow may send 10 bytes i")
        status, _, headers = ask(door.url, "POST", PREDICT, b"{}", _bearer(slow))
        assert status == 429
        assert 90 <= int(headers["retry-after"]) <= 100
        assert {ask(door.url, "POST", PREDICT, b" " * 11, _bearer(fast))[0] for _ in range(20)} == {200}


def test_a_bucket_fills_again_up_to_its_burst() -> None:
    bucket = TokenBucket(2.0, 3, 0.0)
    assert [bucket.wait_seconds(0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert [bucket.wait_seconds(0.5), bucket.wait_seconds(0.5)] == [0, 0.5]
    assert [bucket.wait_seconds(1000.0) for _ in range(4)] == [0, 0, 0, 0.5]


@pytest.mark.parametrize(
    ("peer", "proto", "published", "accepted"),
    [
        ("127.0.0.1", None, False, True),
        ("::1", None, False, True),
        ("::ffff:127.0.0.1", None, False, True),
        ("192.0.2.1", None, False, False),
        ("192.0.2.1", "https", False, False),
        ("192.0.2.1", None, True, True),
        ("10.0.0.9", "https", False, True),
        ("10.0.0.9", "http", False, False),
        ("10.0.0.9", None, True, False),
        ("::ffff:10.0.0.9", "https", False, True),
        ("10.0.0.9", "https, http", False, False),
        ("", None, False, False),
    ],
)
def test_a_token_is_accepted_where_nobody_could_read_it(
    peer: str, proto: str | None, published: bool, accepted: bool
) -> None:
    fields = [] if proto is None else [(b"X-Forwarded-Proto", proto.encode())]
    assert Encryption(published, ["10.0.0.9"]).covers(peer, fields) is accepted


def test_a_proxy_on_this_machine_is_believed_that_its_client_spoke_plain_http(
    file: Path, server: StandIn, tmp_path: Path
) -> None:
    secret = _added(file, "shop", "--scope=predict")
    with gateway(server.url, f"--tokens={file}", "--trusted-proxy=127.0.0.1", log=tmp_path / "log") as door:
        for proto, status in (("http", 403), ("https", 200)):
            headers = _bearer(secret) | {"X-Forwarded-Proto": proto}
            assert ask(door.url, "POST", PREDICT, b"{}", headers)[0] == status


@pytest.mark.parametrize(
    ("hosts", "strange"),
    [
        ([], None),
        (["localhost:8600"], None),
        (["LOCALHOST"], None),
        (["[::1]:8600"], None),
        (["scores.example"], None),
        (["evil.example"], "evil.example"),
        (["localhost.evil.example:80"], "localhost.evil.example:80"),
        (["localhost@evil.example"], "localhost@evil.example"),
        ([""], ""),
        (["localhost", "localhost"], "localhost, localhost"),
    ],
)
def test_only_names_of_the_gateway_are_answered(hosts: list[str], strange: str | None) -> None:
    names = {*LOOPBACK_NAMES, "scores.example"}
    assert strange_name([(b"Host", host.encode()) for host in hosts], None, names) == strange


def test_a_strange_host_is_refused_wherever_it_is_written(server: StandIn, tmp_path: Path) -> None:
    with gateway(server.url, "--host-name=Scores.example", log=tmp_path / "log") as door:
        address = door.url.removeprefix("http://").split(":")

        def status(target: str, host: str) -> bytes:
            with socket.create_connection((address[0], int(address[1])), timeout=20) as connection:
                request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                connection.sendall(request.encode())
                return connection.recv(65536).split(b" ")[1]

        assert status("/v1/models/m", "scores.example") == b"200"
        assert status("/v1/models/m", "evil.example") == b"421"
        assert status("/healthz", "evil.example") == b"421"
        assert status("http://evil.example/v1/models/m", "localhost") == b"421"


def test_without_tokens_only_loopback_is_bound() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving.gateway", "--host=0.0.0.0", "--port=0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "only loopback is bound" in done.stderr


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"tokens": [{}]}', '{"tokens": [{"name": "a", "scopes": ["all"], "sha256": "%s"}]}' % ("0" * 64)],
)
def test_a_file_that_is_none_of_tokens_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    with pytest.raises(TokenFileError, match="does not exist"):
        TokenFile(path)
    path.write_text(text)
    with pytest.raises(TokenFileError, match=r"tokens\.json is not a file of tokens"):
        TokenFile(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    entry = {"name": "a", "scopes": ["score"], "sha256": "0" * 64}
    path.write_text(json.dumps({"tokens": [entry, entry]}))
    with pytest.raises(TokenFileError, match="twice"):
        read(path)
