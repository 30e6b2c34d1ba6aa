"""What takes long beside what does not: long texts are read, and large calls run, where nobody waits for them."""

import json
import select
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from serving.batching.graph_call import run_together
from serving.batching.inference_call import InferenceCall
from serving.client.model_client import ModelServer
from serving.codecs.fast import document
from serving.codecs.inputs import Inputs
from serving.codecs.request_body import RequestBody
from serving.errors import StatusError
from serving.http.exchange import Exchange
from serving.http.limits import Limits
from serving.metrics import ServerMetrics
from serving.models.load_options import LoadOptions
from serving.models.manager import Manager
from serving.models.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from serving.models.version import Version
from serving.models.version_source import ModelConfig
from serving.rest.request_parser import NeedsTimeError, read_call
from serving.rest.router import Route
from serving.server.server import ServeOptions
from tests.serving.live import ServerProcess, ask, error_of, eventually

PREDICT = "/v1/models/gated:predict"
NUMBERS = Signature("numbers", {"x": TensorSpec("x:0", "float", (None,))}, {}, "")


LARGE = json.dumps({"instances": [7] * 30_000}).encode()


class Gated:
    """A server with a model whose large calls stay in the graph until `open`."""

    def __init__(self, url: str, gate: Path) -> None:
        self.url = url
        self._gate = gate

    def open(self) -> None:
        self._gate.touch()

    def predict(self, body: bytes) -> tuple[int, dict[str, Any]]:
        status, answer, _ = ask(self.url, "POST", PREDICT, body)
        return status, json.loads(answer)

    def large_call(self) -> socket.socket:
        """A connection on which a large call has been sent."""
        host, port = self.url.removeprefix("http://").split(":")
        call = socket.create_connection((host, int(port)), timeout=60)
        call.sendall(b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (PREDICT.encode(), len(LARGE), LARGE))
        return call

    def calls_of_the_graph(self) -> int:
        page = ask(self.url, "GET", "/monitoring/prometheus/metrics")[1].decode()
        start = ':tensorflow:serving:runtime_latency_count{model_name="gated",API="Predict",runtime="TF1"} '
        return next((int(line[len(start) :]) for line in page.splitlines() if line.startswith(start)), 0)


@contextmanager
def gated(directory: Path, limits: Limits) -> Iterator[Gated]:
    from serving.server.embedded import serving_in_thread
    from tests.serving.made_models import save_gated

    gate, base_path = directory / "open", directory / "gated"
    save_gated(base_path / "1", gate, rows=10_000)
    with serving_in_thread(ServeOptions([ModelConfig("gated", base_path)], limits=limits), deadline=60) as url:
        try:
            ModelServer(url, "gated").wait_available(1, deadline=60)
            yield Gated(url, gate)
        finally:
            gate.touch()


@pytest.mark.usefixtures("tensorflow_here")
def test_a_large_call_holds_up_no_small_one(tmp_path: Path) -> None:
    with gated(tmp_path, Limits()) as server, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.predict, LARGE)
        for number in range(200):  # the large one is in the graph before the last of them
            assert server.predict(b'{"instances": [%d]}' % number) == (200, {"predictions": [number]})
        assert not waiting.done()
        server.open()
        assert waiting.result() == (200, {"predictions": [7] * 30_000})


@pytest.mark.usefixtures("tensorflow_here")
def test_who_had_his_504_or_left_takes_up_no_room_and_is_not_computed(tmp_path: Path) -> None:
    with gated(tmp_path, Limits(requests=3, answer_seconds=15)) as server, ExitStack() as block:
        calls = [block.enter_context(server.large_call()) for _ in range(3)]

        def is_full() -> bool:
            for place, call in enumerate(calls):
                if select.select([call], [], [], 0)[0]:  # refused, since a small one had its room
                    calls[place] = block.enter_context(server.large_call())
            return server.predict(b'{"instances": [1]}')[0] == 503

        eventually(is_full)  # three is all it takes on
        *late, leaving = calls
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        leaving.close()
        assert [call.recv(12) for call in late] == [b"HTTP/1.1 504"] * 2
        before = server.calls_of_the_graph()
        for number in range(3):
            assert server.predict(b'{"instances": [%d]}' % number) == (200, {"predictions": [number]})
        server.open()
        assert server.predict(LARGE)[0] == 200
        assert server.calls_of_the_graph() == before + 3 + 2  # the one that was in the graph already, and the last


ROUTE = Route("predict", "m", None, None)


@pytest.fixture
def manager() -> Manager:
    """A manager whose model m has one version, which takes `NUMBERS`."""

    class Signed:
        signatures: ClassVar = {DEFAULT_SIGNATURE: NUMBERS}

    manager = Manager([ModelConfig("m", Path("/nowhere"))], ServerMetrics(), LoadOptions())
    version = Version("m", 1, Path("/nowhere/1"))
    version.mark_available(Signed())  # type: ignore[arg-type]
    manager._models["m"].versions[1] = version
    return manager


def asked(text: bytes) -> Exchange:
    return Exchange(None, "POST", "/v1/models/m:predict", body=text)  # type: ignore[arg-type]


def long(text: bytes) -> bytes:
    return text.replace(b"@", b"1.5, " * 1000)


@pytest.mark.parametrize(
    "text",
    [
        b'{"instances": [@2',  # no JSON
        b'{"instances": [@-NaN, null]}',  # JSON of the original
        b'{"instances": [@2], "instances": [3]}',  # its first list counts
        b'{"instances": [@"a"]}',  # an error that quotes its place
        b'{"instances": [@2], "signature_name": "a", "signature_name": "b"}',
    ],
)
def test_a_long_unusual_text_is_not_read_while_others_wait(text: bytes, manager: Manager) -> None:
    with pytest.raises(NeedsTimeError):
        read_call(asked(long(text)), ROUTE, manager, hurry=True)
    for body, hurry in ((long(text), False), (text.replace(b"@", b""), True)):  # with time, or short enough
        with suppress(StatusError):
            read_call(asked(body), ROUTE, manager, hurry=hurry).version.release()


@pytest.mark.parametrize("last", [b"2", b"NaN"])
def test_a_long_usual_text_is_read_at_once(last: bytes, manager: Manager) -> None:
    call = read_call(asked(long(b'{"instances": [@%b]}' % last)), ROUTE, manager, hurry=True)
    call.version.release()
    assert (len(call.inputs.values[0]), call.rows) == (1001, 1001)


def test_what_takes_time_is_answered_exactly(golden_server: ServerProcess) -> None:
    text = long(b'{"instances": [@2')
    status, body, _ = ask(golden_server.url, "POST", "/v1/models/customer-flat:predict", text)
    assert (status, error_of(body)) == (
        400,
        f"JSON Parse error: Missing a comma or ']' after an array element. at offset: {len(text)}",
    )


@pytest.mark.parametrize("text", [b'{"instances": [@2', b'{"instances": [[@2], [@"a"]]}'])
def test_reading_ends_when_nobody_waits_for_it(text: bytes) -> None:
    exchange = Exchange(None, "POST", "/")  # type: ignore[arg-type]
    calls = 0

    def still_wanted() -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            exchange.abandon()
        exchange.still_wanted()

    with pytest.raises(StatusError, match="Nobody waits"):
        RequestBody(text.replace(b"@", b"1.5, " * 200_000), still_wanted=still_wanted).tensors(NUMBERS)
    assert calls == 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'"instances": [NaN, 1' + b"0" * 310 + b"]}", "JSON Parse error: Number too big to be stored in double."),
        (b'"instances": [' + b"[" * 70 + b"]" * 70 + b"]}", "Tensors of more than 32 dimensions are not served"),
        (b'"instances": [' + b"[" * 300 + b"]" * 300 + b"]}", "JSON Parse error: Nested too deeply."),
    ],
)
def test_what_numpy_cannot_hold_is_the_clients_error(text: bytes, said: str, golden_server: ServerProcess) -> None:
    status, body, _ = ask(
        golden_server.url, "POST", "/v1/models/customer-model:predict", b'{"signature_name": "single", ' + text
    )
    assert status == 400
    assert said in error_of(body)


def test_a_text_of_very_many_small_lists_is_not_left_to_the_fast_parser() -> None:
    assert document.decode(b'{"instances": [' + b"[],[]," * 300_000 + b"[]]}") is None
    assert document.decode(b'{"instances": [' + b"[],[]," * 200_000 + b"[]]}") is not None


def test_an_error_that_nobody_thought_of_is_for_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def run(self, *_: object, **__: object) -> None:
            raise RuntimeError("a secret of the server")

    version = Version("m", 3, Path("/m/3"))
    version.mark_available(Broken())  # type: ignore[arg-type]
    call = InferenceCall(version, NUMBERS, Inputs([[1.0]], ((),), 1), None, "Predict")
    [outcome] = run_together([call])
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message) == ("INTERNAL", "The server failed; its log says how.")
    assert "a call of m version 3 failed" in caplog.text
    assert "a secret of the server" in caplog.text
