"""SIGTERM under load: what was sent is answered, then the server is gone."""

import json
import signal
from pathlib import Path

from serving.client.example_instance import EXAMPLE_INSTANCE
from tests.serving.live import GOLDEN, STARTED_WITHIN, ServerProcess, eventually
from tests.serving.load import Clients


def test_sigterm_cuts_off_no_request(tmp_path: Path) -> None:
    flags = ("--model_name=customer-example", f"--model_base_path={GOLDEN / 'models/customer-example'}")
    server = ServerProcess(*flags, log=tmp_path / "log")
    try:
        eventually(lambda: "serving customer-example version 1" in server.log.read_text(), within=STARTED_WITHIN)
        path = "/v1/models/customer-example:predict"
        bodies = [json.dumps({"instances": [EXAMPLE_INSTANCE] * rows}).encode() for rows in (1, 100, 3000)]
        asking = [Clients(server, path, body, number=8) for body in bodies]
        asking.append(Clients(server, path, bodies[0], number=8, fresh=True))
        eventually(lambda: all(group.total() > 20 for group in asking))
        assert server.stop(signal.SIGTERM) == 0
        for group in asking:
            group.join()
            assert group.wrong == []  # nobody saw a reset, an early end or an error
            assert group.asked_to_leave == 8  # each had an answer that said it was the last
        assert "Traceback" not in server.log.read_text()
    finally:
        server.stop()
