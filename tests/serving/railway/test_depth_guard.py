"""JSON that nests too deep never reaches a server whose parser is recursive; everything else arrives whole."""

import gzip
import hashlib
import http.client
import json
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.serving.live import ask, error_of, eventually
from tests.serving.railway.conftest import SOURCE, go
from tests.serving.tensorflow_serving.image import free_port

PREDICT = "/v1/models/customer-model:predict"
JSON = {"Content-Type": "application/json"}
GZIP = JSON | {"Content-Encoding": "gzip"}

RECURSIVE_SERVER = """
import gzip, hashlib, http.server, json, sys
sys.setrecursionlimit(10 ** 9)  # then json, written in C, overflows the stack as RapidJSON does

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(b"{}")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "gzip" in self.headers.get("Content-Encoding", ""):
            body = gzip.decompress(body)
        try:
            json.loads(body)
        except ValueError:
            pass
        self.answer(json.dumps({"sha256": hashlib.sha256(body).hexdigest(), "path": self.path}).encode())
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Upstream:
    """A server that dies of deep JSON, with the guard before it."""

    def __init__(self, url: str, inner: str, process: "subprocess.Popen[bytes]", guard: int) -> None:
        self.url, self.inner, self._process, self.guard = url, inner, process, guard

    def lives(self) -> bool:
        return self._process.poll() is None

    def post(self, body: bytes, headers: dict[str, str] = JSON) -> tuple[int, bytes]:
        status, answer, _ = ask(self.url, "POST", PREDICT, body, headers)
        return status, answer


@contextmanager
def started(guard: Path) -> Iterator[Upstream]:
    inner, outer = free_port(), free_port()
    server = subprocess.Popen([sys.executable, "-c", RECURSIVE_SERVER, str(inner)])
    door = subprocess.Popen([guard, f"127.0.0.1:{outer}", f"127.0.0.1:{inner}"])
    upstream = Upstream(f"http://127.0.0.1:{outer}", f"http://127.0.0.1:{inner}", server, door.pid)
    try:
        eventually(lambda: _status(upstream.inner) == 200)
        eventually(lambda: _status(upstream.url) == 200)
        yield upstream
    finally:
        for process in (door, server):
            process.terminate()
            process.wait(20)


def _status(url: str) -> int:
    try:
        return ask(url, "GET", "/v1/models/customer-model")[0]
    except (OSError, http.client.HTTPException):
        return 0


@pytest.fixture(scope="module")
def upstream(guard: Path) -> Iterator[Upstream]:
    with started(guard) as one:
        yield one


def nested(levels: int, size: int = 0) -> bytes:
    """JSON with so many levels and about so many bytes; a string in it is full of brackets that do not count."""
    inner = json.dumps("[{" * (size // 2) + '\\"[')
    return b"[" * levels + inner.encode() + b"]" * levels


def test_the_server_behind_it_really_dies_of_deep_json(guard: Path) -> None:
    with started(guard) as one:
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(one.inner, "POST", PREDICT, b"[" * 200_000, JSON)
        eventually(lambda: not one.lives())
        status, body, headers = ask(one.url, "POST", PREDICT, b"{}", JSON)
        assert (status, headers["retry-after"]) == (503, "5")
        assert error_of(body).startswith("No version is served yet")


@pytest.mark.parametrize("size", [1 << 10, 60_000, 1 << 20, 31 << 20])
@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_deep_json_of_any_size_is_refused_and_the_server_lives(upstream: Upstream, size: int, bracket: bytes) -> None:
    status, body = upstream.post(bracket * (size // len(bracket)))
    assert status == 400
    assert error_of(body) == "The JSON of the request nests deeper than 100 levels."
    assert upstream.lives()


def test_deep_json_is_refused_behind_any_beginning(upstream: Upstream) -> None:
    deep = b"[" * 60_000
    for start in (
        b'{"instances": ',
        b'"a [ string", ',
        b'["\\\\", ',
        b'["\\"", ',
        b" \n\t",
        b'{"\xff": ',
        b"[NaN, -Infinity, ",
    ):
        assert upstream.post(start + deep)[0] == 400
    assert upstream.lives()


@pytest.mark.parametrize("closers", [b"]" * 60_000, b"[]" + b"]}" * 300])
def test_brackets_that_close_nothing_make_no_room_for_deeper_ones(upstream: Upstream, closers: bytes) -> None:
    assert upstream.post(closers + b"[" * 101)[0] == 400
    assert upstream.post(closers + b"[" * 100)[0] == 200


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("text", ["", "\u2241", "\u2222\u2241", "\u5c00\u225c", "\u5d00\u005d\u5d7d"])
def test_deep_json_in_utf_16_or_32_is_refused_whatever_its_bytes_look_like(
    upstream: Upstream, encoding: str, text: str
) -> None:
    """Halves of these characters look like quotation marks, backslashes or brackets. RapidJSON does not read them."""
    for deep in (f'["{text}", {"[" * 300_000}', f'["{text}", ' * 200_000):
        body = deep.encode(encoding)
        for sent, headers in ((body, JSON), (gzip.compress(body, 1), GZIP)):
            assert upstream.post(sent, headers)[0] == 400
    assert upstream.lives()


@pytest.mark.parametrize(("levels", "size"), [(0, 0), (1, 1 << 10), (100, 0), (100, 1 << 20), (50, 16 << 20)])
def test_what_does_not_nest_too_deep_arrives_byte_for_byte(upstream: Upstream, levels: int, size: int) -> None:
    body = nested(levels, size)
    for sent, headers in ((body, JSON), (gzip.compress(body, 1), GZIP)):
        status, answer = upstream.post(sent, headers)
        assert status == 200
        assert json.loads(answer) == {"sha256": hashlib.sha256(body).hexdigest(), "path": PREDICT}


def test_one_level_more_is_refused(upstream: Upstream) -> None:
    assert upstream.post(nested(101))[0] == 400
    assert upstream.post(gzip.compress(nested(101)), GZIP)[0] == 400


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity, gzip", "br,gzip"])
def test_deep_json_in_gzip_is_refused(upstream: Upstream, encoding: str) -> None:
    status, body = upstream.post(gzip.compress(b"[" * 10_000_000), JSON | {"Content-Encoding": encoding})
    assert (status, error_of(body)) == (400, "The JSON of the request nests deeper than 100 levels.")
    assert upstream.lives()


def test_deep_json_that_only_says_it_is_gzip_is_refused(upstream: Upstream) -> None:
    for body in (b"[" * 60_000, zlib.compress(b"[" * 60_000), b"\x1f\x8b" + b"[" * 60_000):
        assert upstream.post(body, GZIP)[0] == 400
    assert upstream.lives()


def test_gzip_that_inflates_to_more_than_32_mib_is_refused(upstream: Upstream) -> None:
    bomb = gzip.compress(b" " * (200 << 20), 1)
    status, body = upstream.post(bomb, GZIP)
    assert (status, error_of(body)[:35]) == (413, "The request is larger than 32 MiB. ")


def test_a_body_of_more_than_32_mib_is_refused(upstream: Upstream) -> None:
    status, body = upstream.post(b" " * ((32 << 20) + 1))
    assert (status, error_of(body)[:35]) == (413, "The request is larger than 32 MiB. ")


def test_a_trailer_does_not_make_a_body_gzip_behind_the_check(guard: Path) -> None:
    packed = gzip.compress(b"[" * 60_000)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        inner, outer = listener.getsockname()[1], free_port()
        seen = pool.submit(_record_request, listener)
        door = subprocess.Popen([guard, f"127.0.0.1:{outer}", f"127.0.0.1:{inner}"])
        try:
            eventually(lambda: _accepts(outer))
            connection = http.client.HTTPConnection("127.0.0.1", outer, timeout=30)
            connection.putrequest("POST", PREDICT)
            connection.putheader("Transfer-Encoding", "chunked")
            connection.putheader("Trailer", "Content-Encoding")
            connection.endheaders()
            connection.send(b"%x\r\n%b\r\n0\r\nContent-Encoding: gzip\r\n\r\n" % (len(packed), packed))
            assert connection.getresponse().status == 200
            connection.close()
            request = seen.result(30)
        finally:
            door.terminate()
            door.wait(20)
    assert packed in request
    assert b"content-encoding" not in request.replace(packed, b"").lower()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _record_request(listener: socket.socket) -> bytes:
    """Takes one request, waits a moment for whatever follows its body, and answers; returns all its bytes."""
    client, _ = listener.accept()
    with client:
        client.settimeout(1)
        received = b""
        with suppress(TimeoutError):
            while more := client.recv(65536):
                received += more
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    return received


@pytest.mark.usefixtures("guard")
def test_the_source_is_formatted_and_vetted() -> None:
    go("vet", "./...")
    formatted = subprocess.run(["gofmt", "-l", "."], cwd=SOURCE, capture_output=True, text=True, check=True)
    assert formatted.stdout == ""


@pytest.mark.usefixtures("guard")
def test_bodies_are_held_only_as_far_as_there_is_room() -> None:
    go("test", "-count=1", "-timeout=60s", "./...")


def test_many_large_bodies_at_once_take_little_memory(guard: Path) -> None:
    with started(guard) as one, ThreadPoolExecutor(12) as pool:
        body = nested(1, 31 << 20)
        answers = [answer.result() for answer in [pool.submit(one.post, body) for _ in range(12)]]
        assert {status for status, _ in answers} <= {200, 503}
        assert [status for status, _ in answers].count(200) >= 4
        status = Path(f"/proc/{one.guard}/status").read_text()
        assert int(status.split("VmHWM:")[1].split()[0]) < 320 << 10, "KiB at most"
