"""What the server takes on at most: too many requests, too slow, too large when unpacked."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.client.model_client import ModelServer
from serving.http.limits import Limits
from serving.models.load_options import LoadOptions
from serving.models.version_source import ModelConfig
from serving.server.server import ServeOptions, StartRefusedError
from tests.serving.live import GOLDEN, ask, error_of, eventually

PREDICT = "/v1/models/slow:predict"


@contextmanager
def serving(model: ModelConfig, limits: Limits, *, wait: bool = True) -> Iterator[str]:
    import serving.models.saved_model  # noqa: F401 - TensorFlow, once for all tests of this process
    from serving.server.embedded import serving_in_thread

    options = ServeOptions([model], LoadOptions(poll_seconds=0.2), limits)
    with serving_in_thread(options, deadline=60) as url:
        if wait:
            ModelServer(url, model.name).wait_available(1, deadline=60)
        yield url


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> ModelConfig:
    from tests.serving.made_models import save_slow

    base_path = tmp_path_factory.mktemp("slow")
    save_slow(base_path / "1")
    return ModelConfig("slow", base_path)


def test_more_requests_at_once_than_allowed_are_told_to_come_back(slow: ModelConfig) -> None:
    # So many rows never run on the event loop's thread, where the short questions would wait instead of being refused.
    long, short = b'{"instances": %b}' % json.dumps([400_000] * 256).encode(), b'{"instances": [0]}'
    with ThreadPoolExecutor(1) as pool, serving(slow, Limits(requests=1)) as url:
        # Our own short questions may have the one place when the long request comes; then it comes again.
        first = pool.submit(eventually, lambda: ask(url, "POST", PREDICT, long)[0] == 200)
        status, body, headers = eventually(lambda: _refused(ask(url, "POST", PREDICT, short)))
        assert (status, headers["retry-after"]) == (503, "1")
        assert "1 requests are in work already. Try again" in error_of(body)
        assert first.result()
        assert ask(url, "POST", PREDICT, short)[0] == 200


def _refused(answer: tuple[int, bytes, dict[str, str]]) -> tuple[int, bytes, dict[str, str]] | None:
    return answer if answer[0] != 200 else None


def test_a_request_that_takes_too_long_is_given_up_and_counted(slow: ModelConfig) -> None:
    with serving(slow, Limits(answer_seconds=0.2)) as url:
        status, body, _ = ask(url, "POST", PREDICT, b'{"instances": [600000]}')
        assert (status, error_of(body)) == (504, "No answer within 0.2 seconds.")
        page = ask(url, "GET", "/monitoring/prometheus/metrics")[1].decode()
        assert ':tensorflow:serving:request_count{model_name="slow",status="DEADLINE_EXCEEDED"} 1' in page


def test_a_gzip_body_is_limited_when_unpacked(slow: ModelConfig) -> None:
    small = gzip.compress(json.dumps({"instances": [1, 2]}).encode())
    bomb = gzip.compress(b" " * 5_000_000)
    with serving(slow, Limits(body_bytes=100_000)) as url:
        header = {"Content-Encoding": "gzip"}
        assert ask(url, "POST", PREDICT, small, header)[0] == 200
        status, body, _ = ask(url, "POST", PREDICT, bomb, header)
        assert (status, error_of(body)) == (413, "The unpacked request body is larger than 100000 bytes.")


def test_a_large_request_is_answered(slow: ModelConfig) -> None:
    with serving(slow, Limits()) as url:
        body = json.dumps({"instances": [0] * 100_000}).encode()
        status, answer, _ = ask(url, "POST", PREDICT, body)
        assert status == 200
        assert len(json.loads(answer)["predictions"]) == 100_000
        status, answer, _ = ask(url, "POST", PREDICT, body.replace(b"[0,", b"[0.5,"))
        assert (status, error_of(answer)) == (
            400,
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: 0.5 Type: "
            "Number is not of expected type: int32",
        )


def test_a_failed_load_is_tried_again_as_often_as_told(tmp_path: Path) -> None:
    import serving.models.saved_model  # noqa: F401
    from serving.server.embedded import serving_in_thread
    from tests.serving.made_models import save_half

    (tmp_path / "half" / "1").mkdir(parents=True)
    options = ServeOptions(
        [ModelConfig("half", tmp_path / "half")],
        LoadOptions(poll_seconds=0.1, max_load_retries=1000, load_retry_seconds=0.2),
    )
    with serving_in_thread(options, deadline=60) as url:
        server = ModelServer(url, "half")
        eventually(lambda: [status.state for status in server.versions()] == ["LOADING"])
        save_half(tmp_path / "half" / "1")
        server.wait_available(1, deadline=60)


def test_a_label_needs_its_version_unless_it_may_wait() -> None:
    model = ModelConfig("customer-model", GOLDEN / "models/customer-model", labels={"canary": 2})
    with (
        pytest.raises(StartRefusedError, match="assign label canary to version 2"),
        serving(model, Limits(), wait=False) as url,
    ):
        eventually(lambda: _is_gone(url))


def _is_gone(url: str) -> bool:
    try:
        ask(url, "GET", "/v1/models/customer-model")
    except OSError:
        return True
    return False
