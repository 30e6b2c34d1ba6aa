"""Versions that are unloaded while a call still runs in them: they end when it does, and delay nothing until then."""

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serving.client.model_client import ModelServer, Refused
from serving.http.limits import Limits
from serving.metrics import ServerMetrics
from serving.models.load_options import LoadOptions
from serving.models.manager import Manager
from serving.models.unloading import Unloader
from serving.models.version_source import ModelConfig
from serving.server.server import ServeOptions
from tests.serving.live import GOLDEN, ask, eventually

FLAT = GOLDEN / "models/customer-flat/1"
LARGE = json.dumps({"instances": [7] * 30_000}).encode()

pytestmark = pytest.mark.usefixtures("tensorflow_here")


@contextmanager
def held(base_path: Path) -> Iterator[tuple[ModelServer, ModelServer, Future[Any]]]:
    """Two models, `gated` and `flat`, and a call that runs in version 1 of the first until this block ends.

    When it does, the call must be answered, and no thread that unloads may be left.
    """
    from serving.server.embedded import serving_in_thread
    from tests.serving.made_models import save_gated

    gate = base_path.parent / "open"
    save_gated(base_path / "1", gate, rows=10_000)
    other = base_path.parent / "flat"
    other.mkdir()
    publish(FLAT, other, 1)
    models = [ModelConfig("gated", base_path), ModelConfig("flat", other)]
    options = ServeOptions(models, LoadOptions(poll_seconds=0.1), Limits())
    with serving_in_thread(options, deadline=60) as url, ThreadPoolExecutor(1) as pool:
        gated, flat = ModelServer(url, "gated"), ModelServer(url, "flat")
        gated.wait_available(1, deadline=60)
        flat.wait_available(1, deadline=60)
        call = pool.submit(ask, url, "POST", "/v1/models/gated:predict", LARGE)
        try:
            for number in range(200):  # the large one is in the graph before the last of them
                assert gated.predict([{"x": number}]) == [number]
            yield gated, flat, call
            assert not call.done()
        finally:
            gate.touch()
        status, body, _ = call.result()
        assert (status, json.loads(body)) == (200, {"predictions": [7] * 30_000})
        eventually(lambda: not unloading())


def publish(source: Path, base_path: Path, number: int) -> Path:
    staged = base_path.parent / f"staged-{number}"
    shutil.copytree(source, staged)
    return staged.rename(base_path / str(number))


def states(server: ModelServer) -> list[tuple[int, str]]:
    return [(status.version, status.state) for status in server.versions()]


def unloading() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("serving-unload-")]


def test_a_call_that_keeps_its_version_delays_no_other_version_and_no_other_model(base_path: Path) -> None:
    with held(base_path) as (gated, flat, call):
        publish(base_path / "1", base_path, 2)
        eventually(lambda: states(gated) == [(2, "AVAILABLE"), (1, "UNLOADING")])
        with pytest.raises(Refused, match=r"Servable not found for request: Specific\(gated, 1\)"):
            gated.predict([{"x": 1}], version=1)
        publish(base_path / "1", base_path, 3)
        publish(FLAT, flat_path := base_path.parent / "flat", 2)
        eventually(lambda: states(gated) == [(3, "AVAILABLE"), (2, "END"), (1, "UNLOADING")])
        eventually(lambda: states(flat) == [(2, "AVAILABLE"), (1, "END")])
        shutil.rmtree(flat_path / "2")
        eventually(lambda: states(flat) == [(2, "END"), (1, "AVAILABLE")])
        assert gated.predict([{"x": 3}]) == [3]
        assert not call.done()
    assert not unloading()


def test_a_version_that_is_aspired_again_while_it_unloads_is_loaded_a_second_time(base_path: Path) -> None:
    with held(base_path) as (gated, _, call):
        second = publish(base_path / "1", base_path, 2)
        eventually(lambda: states(gated) == [(2, "AVAILABLE"), (1, "UNLOADING")])
        shutil.rmtree(second)
        eventually(lambda: states(gated) == [(2, "END"), (1, "AVAILABLE")])
        assert gated.predict([{"x": 1}], version=1) == [1]
        assert not call.done()
        eventually(lambda: unloading() == ["serving-unload-gated-1"])  # what the call runs in


def test_an_unloading_version_ends_without_the_second_load_of_its_number(base_path: Path) -> None:
    publish(FLAT, base_path, 1)
    with managed(base_path) as manager:
        former = manager.acquire("flat", 1)
        shutil.rmtree(publish_and_wait(manager, base_path, 2))
        eventually(lambda: manager.statuses("flat", 1)[0].state == "AVAILABLE")
        assert former.state == "UNLOADING"
        former.release()
        eventually(lambda: former.state == "END")
        assert manager.statuses("flat", 1)[0].state == "AVAILABLE"
        manager.acquire("flat", 1).release()


def test_a_stop_waits_for_versions_that_are_unloading(base_path: Path) -> None:
    publish(FLAT, base_path, 1)
    with managed(base_path) as manager, ThreadPoolExecutor(1) as pool:
        former = manager.acquire("flat", 1)
        publish_and_wait(manager, base_path, 2)
        stopping = pool.submit(manager.stop, timeout=60)
        eventually(lambda: not manager._thread.is_alive())
        assert not stopping.done()
        former.release()
        assert stopping.result()
        assert [version.state for version in manager.statuses("flat")] == ["END", "END"]
        assert not unloading()


def test_a_stop_that_times_out_frees_unloading_versions_and_returns_false(base_path: Path) -> None:
    publish(FLAT, base_path, 1)
    with managed(base_path) as manager:
        former = manager.acquire("flat", 1)
        publish_and_wait(manager, base_path, 2)
        assert not manager.stop(timeout=1)
        assert [version.state for version in manager.statuses("flat")] == ["END", "END"]
        with pytest.raises(RuntimeError, match="version 1 of flat is not loaded"):
            _ = former.servable
        former.release()
        eventually(lambda: not unloading())


def test_a_call_that_never_ends_keeps_its_version_no_longer_than_the_timeout(base_path: Path) -> None:
    publish(FLAT, base_path, 1)
    with managed(base_path) as manager:
        version = manager.acquire("flat", 1)
        Unloader(timeout=0.1).unload(version)
        assert not version.acquire()
        eventually(lambda: version.state == "END")
        eventually(lambda: not unloading())
        version.release()


@contextmanager
def managed(base_path: Path) -> Iterator[Manager]:
    manager = Manager([ModelConfig("flat", base_path)], ServerMetrics(), LoadOptions(poll_seconds=0.1))
    manager.start()
    try:
        assert manager.wait_first_poll(60)
        yield manager
    finally:
        manager.stop(timeout=60)


def publish_and_wait(manager: Manager, base_path: Path, number: int) -> Path:
    path = publish(FLAT, base_path, number)
    eventually(lambda: [version.state for version in manager.statuses("flat")] == ["AVAILABLE", "UNLOADING"])
    return path
