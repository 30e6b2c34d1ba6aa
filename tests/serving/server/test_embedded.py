"""The server inside this process: requests in flight, sharing, warm-up."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.client.model_client import ModelServer, Refused, Unreachable, VersionFailed
from serving.server import embedded
from tests.serving.live import GOLDEN, ask


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.serving.made_models import save_slow

    base_path = tmp_path_factory.mktemp("slow")
    save_slow(base_path / "1")
    return base_path


@pytest.fixture
def make_half(tmp_path: Path) -> Callable[..., Path]:
    def make(*warm_up: float) -> Path:
        from tests.serving.made_models import save_half, write_warm_up

        save_half(tmp_path / "half" / "1")
        if warm_up:
            write_warm_up(tmp_path / "half" / "1", *warm_up)
        return tmp_path / "half"

    return make


def test_it_serves_inside_the_block_and_has_ended_after_it() -> None:
    before = set(threading.enumerate())
    with embedded.embedded_server(GOLDEN / "models/customer-example", model="example") as url:
        server = ModelServer(url, "example")
        server.wait_available(1, deadline=60)
        assert ask(url, "GET", "/v1/models/other")[0] == 404
    with pytest.raises(Unreachable, match=r"does not answer.*Start the model server"):
        server.versions()
    assert set(threading.enumerate()) <= before


def test_it_has_ended_after_an_error_too() -> None:
    with pytest.raises(KeyError), embedded.embedded_server(GOLDEN / "models/customer-flat") as url:
        raise KeyError
    with pytest.raises(Unreachable):
        ModelServer(url).versions()


def test_stopping_waits_for_a_request_in_flight(slow_model: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with embedded.embedded_server(slow_model, model="slow") as url:
            server = ModelServer(url, "slow", timeout=60)
            server.wait_available(1, deadline=60)
            answer = pool.submit(server.predict, [{"rounds": 400_000}])
            while ":predict" not in _in_work(url):
                pass
        assert len(answer.result()) == 1


def _in_work(url: str) -> str:
    """Something only true once the slow request is in the graph: a second one has to wait for it."""
    try:
        ModelServer(url, "slow", timeout=0.05).predict([{"rounds": 0}])
    except Unreachable:
        return ":predict"
    return ""


def test_status_requests_are_answered_while_the_graph_is_busy(slow_model: Path) -> None:
    with ThreadPoolExecutor(1) as pool, embedded.embedded_server(slow_model, model="slow") as url:
        server = ModelServer(url, "slow", timeout=60)
        server.wait_available(1, deadline=60)
        answer = pool.submit(server.predict, [{"rounds": 400_000}])
        while not _in_work(url):
            pass
        assert [status.state for status in server.versions()] == ["AVAILABLE"]
        assert not answer.done()
        assert len(answer.result()) == 1


def test_requests_that_share_a_call_get_their_own_rows_and_their_own_errors(make_half: Callable[..., Path]) -> None:
    with embedded.embedded_server(make_half(), model="half") as url:
        server = ModelServer(url, "half", timeout=60)
        server.wait_available(1, deadline=60)

        def ask_for(value: float) -> tuple[float, object]:
            try:
                return value, server.predict([{"x": value}, {"x": value + 0.25}])
            except Refused as refusal:
                return value, refusal.said.partition("\n")[0]

        values = [float(value) for value in range(-20, 180)]
        with ThreadPoolExecutor(16) as pool:
            for value, got in pool.map(ask_for, values):
                if value < 0:
                    assert "no negative numbers" in str(got)
                else:
                    assert isinstance(got, list)
                    assert [row["half"] for row in got] == [value / 2, (value + 0.25) / 2]


def test_bytes_go_out_as_base64_in_rows_and_in_columns(make_half: Callable[..., Path]) -> None:
    with embedded.embedded_server(make_half(), model="half") as url:
        ModelServer(url, "half").wait_available(1, deadline=60)
        _, rows, _ = ask(url, "POST", "/v1/models/half:predict", b'{"instances": [1.5]}')
        _, columns, _ = ask(url, "POST", "/v1/models/half:predict", b'{"inputs": [1.5]}')
        assert json.loads(rows)["predictions"] == [{"half": 0.75, "name_bytes": {"b64": "MS41MDAwMDA="}}]
        assert json.loads(columns)["outputs"] == {"half": [0.75], "name_bytes": [{"b64": "MS41MDAwMDA="}]}


def test_warm_up_requests_are_replayed_before_the_version_is_available(make_half: Callable[..., Path]) -> None:
    base_path = make_half(1.0, 2.0)
    with embedded.embedded_server(base_path, model="half") as url:
        ModelServer(url, "half").wait_available(1, deadline=60)
        page = ask(url, "GET", "/monitoring/prometheus/metrics")[1].decode()
        warmed = f':tensorflow:serving:model_warmup_latency_count{{model_path="{base_path / "1"}",status="OK"}} 1'
        assert warmed in page.splitlines()


def test_a_version_whose_warm_up_fails_is_not_served(make_half: Callable[..., Path]) -> None:
    with (
        embedded.embedded_server(make_half(1.0, -2.0), model="half") as url,
        pytest.raises(VersionFailed, match=r"INVALID_ARGUMENT.*no negative numbers"),
    ):
        ModelServer(url, "half").wait_available(1, deadline=60)


def test_without_warm_up_rounds_a_broken_warm_up_does_not_matter(make_half: Callable[..., Path]) -> None:
    from serving.models.loader import load_servable

    servable, seconds = load_servable(make_half(-2.0) / "1", model="half", number=1, threads=0, warm_up_rounds=0)
    servable.close()
    assert seconds is None


def test_a_damaged_warm_up_file_is_data_loss(make_half: Callable[..., Path]) -> None:
    base_path = make_half(1.0)
    (base_path / "1/assets.extra/tf_serving_warmup_requests").write_bytes(b"no TFRecord at all, but long enough")
    with (
        embedded.embedded_server(base_path, model="half") as url,
        pytest.raises(VersionFailed, match=r"DATA_LOSS.*verify your warmup data is in TFRecord format"),
    ):
        ModelServer(url, "half").wait_available(1, deadline=60)
