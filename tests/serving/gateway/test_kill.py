"""kill -9 of the server behind, and of the gateway, while many ask: clear errors, and nothing half-written."""

import json
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

from serving.client.example_instance import EXAMPLE_INSTANCE
from tests.serving.gateway.gateway_process import GatewayProcess, gateway
from tests.serving.live import GOLDEN, STARTED_WITHIN, ServerProcess, ask, error_of, eventually
from tests.serving.load import Clients
from tests.serving.score.scoring import many

PREDICT = "/v1/models/customers:predict"
BODY = json.dumps({"instances": [EXAMPLE_INSTANCE]}).encode()
ROWS = 60_000
"""Of a file that is being scored for seconds."""


def _server(log: Path) -> ServerProcess:
    server = ServerProcess("--model_name=customers", f"--model_base_path={GOLDEN}/models/customer-example", log=log)
    eventually(lambda: ask(server.url, "POST", PREDICT, BODY)[0] == 200, within=STARTED_WITHIN)
    return server


def _door(server: ServerProcess, tmp_path: Path, log: str = "log") -> GatewayProcess:
    flags = (f"--upstream={server.url}", "--model=customers", f"--spool={tmp_path / 'spool'}")
    return GatewayProcess(*flags, log=tmp_path / log)


def _begin_scoring(door: GatewayProcess, tmp_path: Path) -> socket.socket:
    """Sends a file, and returns when some of its scores are written, before the last."""
    body = many(tmp_path / "in.csv", ROWS).read_bytes()
    parts = urlsplit(door.url)
    client = socket.create_connection((parts.hostname, parts.port), timeout=60)
    head = b"POST /v1/score HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.sendall(head + body)
    eventually(lambda: [part for part in _parts(tmp_path) if part.stat().st_size])
    return client


def _parts(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "spool").glob("gateway-*/request-*/.scored.csv.*")]


def _read_all(client: socket.socket) -> bytes:
    said = b""
    try:
        while part := client.recv(65536):
            said += part
            head, end, body = said.partition(b"\r\n\r\n")
            if end and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
                break
    except ConnectionResetError:
        pass
    return said


def test_a_server_that_is_killed_gives_502_and_nothing_else(tmp_path: Path) -> None:
    server = _server(tmp_path / "server-log")
    try:
        with gateway(server.url, log=tmp_path / "log") as door:
            asking = Clients(door, PREDICT, BODY, number=16)
            eventually(lambda: asking.total() > 500)
            assert asking.wrong == []
            server.stop(signal.SIGKILL)
            eventually(lambda: len(asking.wrong) > 100)
            asking.stop()
            assert len(asking.answers) == 1  # each good answer is whole: the same bytes
            assert {text[:4] for text in asking.wrong} == {"502 "}
            assert door.process.poll() is None
    finally:
        server.stop()


def test_a_gateway_that_is_killed_leaves_no_half_of_an_answer_and_the_server_goes_on(tmp_path: Path) -> None:
    server = _server(tmp_path / "server-log")
    try:
        with gateway(server.url, log=tmp_path / "log") as door:
            asking = Clients(door, PREDICT, BODY, number=16)
            eventually(lambda: asking.total() > 500)
            door.process.kill()
            asking.join()
            assert len(asking.answers) == 1
            assert not [text for text in asking.wrong if text[:3].isdigit()]  # connections that broke off, no answers
        assert ask(server.url, "POST", PREDICT, BODY)[0] == 200
    finally:
        server.stop()


def test_a_server_that_is_killed_while_a_file_is_scored_gives_502_and_nothing_of_the_file(tmp_path: Path) -> None:
    server = _server(tmp_path / "server-log")
    door = _door(server, tmp_path)
    try:
        with _begin_scoring(door, tmp_path) as client:
            server.stop(signal.SIGKILL)
            head, _, body = _read_all(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 502 ")
        assert error_of(body) == "The model server is gone; nothing was scored. Try again."
        assert not [*(tmp_path / "spool").glob("gateway-*/request-*")]
        assert ask(door.url, "GET", "/healthz")[0] == 200
    finally:
        door.stop()
        server.stop()


def test_a_gateway_that_is_killed_while_a_file_is_scored_answers_nothing_and_the_next_one_removes_it(
    tmp_path: Path,
) -> None:
    server = _server(tmp_path / "server-log")
    door = _door(server, tmp_path)
    try:
        with _begin_scoring(door, tmp_path) as client:
            door.stop(signal.SIGKILL)
            assert _read_all(client) == b""
        assert _parts(tmp_path), "half of the scores are there"
        next_one = _door(server, tmp_path, log="next-log")
        try:
            assert _parts(tmp_path) == []
            assert len([*(tmp_path / "spool").glob("gateway-*")]) == 1
            assert ask(next_one.url, "POST", PREDICT, BODY)[0] == 200
        finally:
            next_one.stop()
    finally:
        door.stop()
        server.stop()
