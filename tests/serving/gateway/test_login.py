"""People log in on the page: sessions, their cookie, and who may send what from where."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.gateway.access.door import Door, RefusedError
from serving.gateway.access.encryption import Encryption
from serving.gateway.access.login_limits import LoginLimits
from serving.gateway.access.page_door import EVERYBODY, PageDoor, Visitor
from serving.gateway.access.same_origin import is_same_origin
from serving.gateway.access.sessions import MOST_OF_A_TOKEN, SESSION_SECONDS, Sessions
from serving.gateway.access.token_file import TokenFile, changed
from serving.gateway.access.tokens import Token, new_secret, sha256
from serving.http.exchange import Exchange
from tests.serving.gateway.gateway_process import GatewayProcess, StandIn, answer, gateway, stand_in
from tests.serving.live import ask, eventually

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OWN = {"Sec-Fetch-Site": "same-origin"}
WRONG = "The token is not known here. Ask for a new one."


def _added(file: Path, name: str, *scopes: str) -> str:
    secret = new_secret()
    with changed(file) as tokens:
        tokens[name] = Token(name, scopes or ("score",), sha256(secret.encode()))
    return secret


def _log_in(door: GatewayProcess, secret: str, more: dict[str, str] = OWN) -> tuple[int, str, dict[str, str]]:
    status, body, headers = ask(door.url, "POST", "/login", f"token={secret}".encode(), FORM | more)
    return status, body.decode(), headers


def _cookie(headers: dict[str, str]) -> dict[str, str]:
    return {"Cookie": headers["set-cookie"].partition(";")[0]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "tokens.json"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in(lambda _, connection: connection.sendall(answer(b"{}"))) as process:
        yield process


def test_a_token_becomes_a_session_that_ends_at_logout(file: Path, server: StandIn, tmp_path: Path) -> None:
    secret = _added(file, "anna")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        status, page, headers = ask(door.url, "GET", "/login")
        assert status == 200
        assert b'<form method="post" action="/login">' in page
        status, _, headers = _log_in(door, secret)
        assert (status, headers["location"]) == (303, "/")
        name, *about = headers["set-cookie"].split("; ")
        assert re.fullmatch(r"gateway-session=[\w-]{43}", name)
        assert {*about} == {"Max-Age=43200", "Path=/", "HttpOnly", "SameSite=Strict"}
        assert secret not in name
        cookie = _cookie(headers)
        assert ask(door.url, "GET", "/login", None, cookie)[2]["location"] == "/"
        status, _, headers = ask(door.url, "POST", "/logout", b"", cookie | OWN)
        assert (status, headers["location"]) == (303, "/login")
        assert headers["set-cookie"].startswith("gateway-session=; Max-Age=0; ")
        assert ask(door.url, "GET", "/login", None, cookie)[0] == 200
        log = eventually(lambda: [line for line in door.log.read_text().splitlines() if " anna " in line], within=10)
        assert '"/login" 303' in log[0]
        assert secret not in door.log.read_text()
        assert name not in door.log.read_text()


def test_a_page_loads_from_the_gateway_alone(server: StandIn, file: Path, tmp_path: Path) -> None:
    _added(file, "anna")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        for path, kind in (("/login", "text/html; charset=utf-8"), ("/login/style.css", "text/css; charset=utf-8")):
            status, _, headers = ask(door.url, "GET", path)
            assert (status, headers["content-type"]) == (200, kind)
            policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
            assert headers["cache-control"] == "no-store"
            assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
            assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
        page = ask(door.url, "GET", "/login")[1]
        assert b"<style" not in page
        assert b"style=" not in page
        assert ask(door.url, "PUT", "/login")[0] == ask(door.url, "GET", "/logout")[0] == 405
        assert ask(door.url, "GET", "/login/other")[0] == 404


def test_whatever_is_wrong_with_a_token_is_said_in_the_same_words(file: Path, server: StandIn, tmp_path: Path) -> None:
    secret, other = _added(file, "anna"), _added(file, "shop", "predict")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        for wrong in ("", secret[:-1], f"{secret}x", f"{secret}&token={secret}", "%ff", "x" * 5000):
            status, page, headers = _log_in(door, wrong)
            assert (status, "set-cookie" in headers) == (401, False)
            assert WRONG in page
        status, page, _ = _log_in(door, other)
        assert (status, "is not for &#x27;score&#x27;" in page) == (403, True)
        status, page, headers = _log_in(door, '"><script>')
        assert "<script" not in page


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://{host}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://{host}"},
    ],
)
def test_what_another_page_sends_is_refused(more: dict[str, str], file: Path, server: StandIn, tmp_path: Path) -> None:
    secret = _added(file, "anna")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        more = {name: value.format(host=door.url.removeprefix("http://")) for name, value in more.items()}
        status, page, headers = _log_in(door, secret, more)
        assert (status, "set-cookie" in headers) == (403, False)
        assert "No page of this gateway sent this." in page
        cookie = _cookie(_log_in(door, secret)[2])
        assert ask(door.url, "POST", "/logout", b"", cookie | more)[0] == 403
        assert ask(door.url, "GET", "/login", None, cookie)[0] == 303, "the session was ended"


def test_an_old_browser_names_its_origin(file: Path, server: StandIn, tmp_path: Path) -> None:
    secret = _added(file, "anna")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        assert _log_in(door, secret, {"Origin": door.url})[0] == 303


def test_the_cookie_of_a_session_over_tls_is_for_this_host_alone(file: Path, server: StandIn, tmp_path: Path) -> None:
    secret = _added(file, "anna")
    tls, plain = {"X-Forwarded-Proto": "https"}, {"X-Forwarded-Proto": "http"}
    with gateway(server.url, f"--tokens={file}", "--trusted-proxy=127.0.0.1", log=tmp_path / "log") as door:
        status, page, _ = ask(door.url, "GET", "/login", None, plain)
        assert (status, b"<form" in page, b"https://" in page) == (403, False, True)
        status, said, headers = _log_in(door, secret, OWN | plain)
        assert (status, "set-cookie" in headers) == (403, False)
        assert "came over plain HTTP" in said
        status, _, headers = _log_in(door, secret, {"Origin": door.url.replace("http://", "https://")} | tls)
        assert status == 303
        assert headers["set-cookie"].startswith("__Host-gateway-session=")
        assert "; Secure" in headers["set-cookie"]
        cookie = _cookie(headers)
        assert ask(door.url, "GET", "/login", None, cookie | tls)[0] == 303
        planted = {"Cookie": cookie["Cookie"].removeprefix("__Host-")}
        assert ask(door.url, "GET", "/login", None, planted | tls)[0] == 200
        assert ask(door.url, "GET", "/login", None, cookie | plain)[0] == 403


def test_a_session_ends_with_its_token_and_at_a_restart(file: Path, server: StandIn, tmp_path: Path) -> None:
    first, second = _added(file, "first"), _added(file, "second")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        cookies = [_cookie(_log_in(door, secret)[2]) for secret in (first, second)]
        with changed(file) as tokens:
            del tokens["first"]
        assert eventually(lambda: ask(door.url, "GET", "/login", None, cookies[0])[0] == 200, within=10)
        assert ask(door.url, "GET", "/login", None, cookies[1])[0] == 303
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        assert ask(door.url, "GET", "/login", None, cookies[1])[0] == 200


def test_attempts_are_limited_by_address_and_the_right_token_has_to_wait_too(
    file: Path, server: StandIn, tmp_path: Path
) -> None:
    secret = _added(file, "anna")
    behind_proxy = OWN | {"X-Forwarded-Proto": "https"}
    with gateway(server.url, f"--tokens={file}", "--trusted-proxy=127.0.0.1", log=tmp_path / "log") as door:

        def status(address: str) -> int:
            return _log_in(door, secret, behind_proxy | {"X-Forwarded-For": f"192.0.2.9, {address}"})[0]

        tried = [status("198.51.100.7") for _ in range(14)]
        assert tried[:10] == [303] * 10
        assert tried[-1] == 429
        assert status("198.51.100.8") == 303


def test_limits_of_attempts_count_addresses_and_all_together() -> None:
    limits = LoginLimits(0.0)
    assert [limits.wait_seconds(f"2001:db8::{n}", 0.0) > 0 for n in range(11)] == [False] * 10 + [True]
    assert limits.wait_seconds("2001:db8:0:1::1", 0.0) == 0
    passed = sum(limits.wait_seconds(f"198.51.100.{n}", 0.0) == 0 for n in range(200))
    assert passed == 100 - 11
    for n in range(10_000):
        limits.wait_seconds(f"10.0.{n // 256}.{n % 256}", 0.0)
    assert limits.wait_seconds("2001:db8::1", 1000.0) == 0, "what was forgotten begins anew"


def _token(name: str) -> Token:
    return Token(name, ("score",), sha256(name.encode()))


def test_sessions_are_bounded_by_token_and_end_after_twelve_hours() -> None:
    anna, shop = _token("anna"), _token("shop")
    both = (anna, shop)
    sessions = Sessions()
    kept = sessions.open(shop, both, 0.0).encode()
    opened = [sessions.open(anna, both, 0.0).encode() for _ in range(MOST_OF_A_TOKEN + 3)]
    assert len(sessions) == MOST_OF_A_TOKEN + 1
    found = [sessions.token(secret, both, SESSION_SECONDS - 0.1) for secret in opened]
    assert found == [None] * 3 + [anna] * MOST_OF_A_TOKEN
    assert sessions.token(kept, both, SESSION_SECONDS - 0.1) == shop
    assert sessions.token(kept, both, SESSION_SECONDS) is None
    sessions.open(shop, [shop], 1.0)
    assert len(sessions) == 1, "those of a removed token are forgotten"


def _exchange(method: str, fields: dict[str, str], body: bytes = b"") -> Exchange:
    class Nowhere:
        def send(self, exchange: Exchange, status: int, body: bytes, content_type: bytes, headers: bytes) -> None:
            raise AssertionError("nothing is answered")

    found = [(name.encode(), value.encode()) for name, value in fields.items()]
    exchange = Exchange(Nowhere(), method, "/", headers=found, body=body)
    exchange.peer = "127.0.0.1"
    return exchange


def test_the_page_admits_who_is_logged_in(file: Path) -> None:
    secret = new_secret()
    with changed(file) as tokens:
        limited = Token("anna", ("score",), sha256(secret.encode()), requests_per_second=0.01, burst=3, body_bytes=10)
        tokens["anna"] = limited
    door = PageDoor(Door(TokenFile(file), now=lambda: 0.0))

    def refused(method: str, fields: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
        with pytest.raises(RefusedError) as raised:
            door.admit(_exchange(method, fields, body), "score")
        return raised.value.status, raised.value.headers

    assert refused("GET", {"Sec-Fetch-Mode": "navigate"}) == (303, b"Location: /login\r\n")
    assert refused("GET", {"Accept": "text/html,*/*"}) == (303, b"Location: /login\r\n")
    assert refused("GET", {"Sec-Fetch-Mode": "cors", "Accept": "text/html"})[0] == 401
    assert refused("POST", {"Sec-Fetch-Mode": "navigate"} | OWN)[0] == 401
    name, line = door.log_in(_exchange("POST", OWN), secret.encode())
    assert name == "anna"
    cookie = {"Cookie": line.decode().removeprefix("Set-Cookie: ").partition(";")[0]}
    session = sha256(cookie["Cookie"].partition("=")[2].encode())
    assert door.admit(_exchange("GET", cookie), "score") == Visitor("anna", session, ("score",), 10)
    assert refused("POST", cookie)[0] == 403
    assert door.admit(_exchange("POST", cookie | OWN, b"x" * 10), "score").owner == "anna"
    assert refused("POST", cookie | OWN, b"x" * 11)[0] == 413
    assert refused("POST", cookie | OWN)[0] == 429
    twice = {"Cookie": f"{cookie['Cookie']}; gateway-session=planted"}
    assert refused("GET", twice)[0] == 401


def test_without_tokens_everybody_is_admitted_and_other_pages_are_not() -> None:
    door = PageDoor(Door(None))
    assert door.admit(_exchange("GET", {}), "score") == EVERYBODY
    assert door.admit(_exchange("POST", OWN), "outcomes") == EVERYBODY
    with pytest.raises(RefusedError, match="No page of this gateway"):
        door.admit(_exchange("POST", {"Sec-Fetch-Site": "cross-site"}), None)


def test_without_tokens_nobody_needs_to_log_in(server: StandIn, tmp_path: Path) -> None:
    with gateway(server.url, log=tmp_path / "log") as door:
        status, _, headers = ask(door.url, "GET", "/login")
        assert (status, headers["location"]) == (303, "/")
        assert _log_in(door, "anything")[0] == 404


def test_a_client_that_is_no_trusted_proxy_cannot_name_another_address() -> None:
    fields = [(b"X-Forwarded-For", b"198.51.100.1, 198.51.100.2"), (b"X-Forwarded-Proto", b"https")]
    encryption = Encryption(trusted_proxies=["10.0.0.9"])
    assert encryption.client("192.0.2.1", fields) == "192.0.2.1"
    assert not encryption.is_tls("192.0.2.1", fields)
    assert encryption.client("10.0.0.9", fields) == "198.51.100.2"
    assert encryption.client("10.0.0.9", []) == "10.0.0.9"


@pytest.mark.parametrize(
    ("host", "origin", "is_tls", "own"),
    [
        ("scores.example", "https://scores.example", True, True),
        ("Scores.example", "https://scores.EXAMPLE", True, True),
        ("scores.example", "http://scores.example", True, False),
        ("localhost:8600", "http://localhost:8600", False, True),
        ("localhost:8600", "http://localhost:8601", False, False),
        ("scores.example", "https://scores.example.evil.example", True, False),
    ],
)
def test_an_origin_is_scheme_host_and_port(host: str, origin: str, is_tls: bool, own: bool) -> None:
    assert is_same_origin([(b"Host", host.encode()), (b"Origin", origin.encode())], is_tls=is_tls) is own


def test_the_server_behind_never_sees_the_cookie(file: Path, server: StandIn, tmp_path: Path) -> None:
    _added(file, "anna")
    secret = _added(file, "shop", "predict")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        headers = {"Authorization": f"Bearer {secret}", "Cookie": "gateway-session=x"}
        assert ask(door.url, "POST", "/v1/models/customer-model:predict", b"{}", headers)[0] == 200
        assert b"gateway-session" not in server.requests[0]


def test_a_request_of_http_1_0_without_a_host_is_of_no_page(file: Path, server: StandIn, tmp_path: Path) -> None:
    _added(file, "anna")
    with gateway(server.url, f"--tokens={file}", log=tmp_path / "log") as door:
        host, port = door.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(b"POST /logout HTTP/1.0\r\nOrigin: http://\r\nContent-Length: 0\r\n\r\n")
            assert connection.recv(65536).split(b" ")[1] == b"403"
