"""kill -9 of the server behind, and of the gateway, while many ask: clear errors, and nothing half-written."""

import json
import signal
from pathlib import Path

from serving.client.example_instance import EXAMPLE_INSTANCE
from tests.serving.gateway.gateway_process import gateway
from tests.serving.live import GOLDEN, STARTED_WITHIN, ServerProcess, ask, eventually
from tests.serving.load import Clients

PREDICT = "/v1/models/customers:predict"
BODY = json.dumps({"instances": [EXAMPLE_INSTANCE]}).encode()


def _server(log: Path) -> ServerProcess:
    server = ServerProcess("--model_name=customers", f"--model_base_path={GOLDEN}/models/customer-example", log=log)
    eventually(lambda: ask(server.url, "POST", PREDICT, BODY)[0] == 200, within=STARTED_WITHIN)
    return server


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
