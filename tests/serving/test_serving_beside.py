"""What takes long beside what does not: long texts are read, and large calls run, where nobody waits for them."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from serving.client import ModelServer
from serving.exchange import Exchange
from serving.limits import Limits
from serving.request import NeedsTimeError, RequestBody
from serving.serve import ServeOptions
from serving.signatures import Signature, TensorSpec
from serving.source import ModelConfig
from serving.status import StatusError
from tests.serving.live import ServerProcess, ask, error_of

PREDICT = "/v1/models/gated:predict"
NUMBERS = Signature("numbers", {"x": TensorSpec("x:0", "float", (None,))}, {}, "")


@pytest.mark.usefixtures("tensorflow_here")
def test_a_large_call_holds_up_no_small_one(tmp_path: Path) -> None:
    from serving.in_thread import serving_in_thread
    from tests.serving.made_models import save_gated

    gate, base_path = tmp_path / "open", tmp_path / "gated"
    save_gated(base_path / "1", gate, rows=10_000)
    large = json.dumps({"instances": [7] * 30_000}).encode()
    with (
        serving_in_thread(ServeOptions([ModelConfig("gated", base_path)], limits=Limits()), deadline=60) as url,
        ThreadPoolExecutor(1) as pool,
    ):
        ModelServer(url, "gated").wait_available(1, deadline=60)
        waiting = pool.submit(ask, url, "POST", PREDICT, large)
        try:
            for number in range(200):  # the large one is in the graph before the last of them
                status, body, _ = ask(url, "POST", PREDICT, b'{"instances": [%d]}' % number)
                assert (status, json.loads(body)) == (200, {"predictions": [number]})
            assert not waiting.done()
        finally:
            gate.touch()
        status, body, _ = waiting.result()
        assert (status, json.loads(body)) == (200, {"predictions": [7] * 30_000})


def long(text: bytes) -> bytes:
    return text.replace(b"@", b"1.5, " * 1000)


@pytest.mark.parametrize(
    "text",
    [
        b'{"instances": [@2',  # no JSON
        b'{"instances": [@NaN]}',  # JSON of the original
        b'{"instances": [@2], "instances": [3]}',  # its first list counts
        b'{"instances": [@"a"]}',  # an error that quotes its place
        b'{"instances": [@2], "signature_name": "a", "signature_name": "b"}',
    ],
)
def test_a_long_text_that_is_not_plain_is_not_read_in_a_hurry(text: bytes) -> None:
    def read(body: RequestBody) -> None:
        body.signature_name()
        body.tensors(NUMBERS)

    with pytest.raises(NeedsTimeError):
        read(RequestBody(long(text), hurry=True))
    for body, hurry in ((long(text), False), (text.replace(b"@", b""), True)):  # with time, or short enough
        with suppress(StatusError):
            read(RequestBody(body, hurry=hurry))


def test_a_long_plain_text_is_read_at_once() -> None:
    columns, by_row = RequestBody(long(b'{"instances": [@2]}'), hurry=True).tensors(NUMBERS)
    assert (len(columns["x"].values), by_row) == (1001, True)


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
        if calls == 100:
            exchange.give_up()
        exchange.still_wanted()

    with pytest.raises(StatusError, match="Nobody waits"):
        RequestBody(long(text), still_wanted=still_wanted).tensors(NUMBERS)
    assert calls == 100
