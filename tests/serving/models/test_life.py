"""The life of a version: what happens on disk, what the status says, who answers. Real models, real HTTP."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.client.model_client import DeadlineExceeded, ModelServer, Refused, ServingError, VersionFailed
from serving.metrics import ServerMetrics
from serving.models.load_options import LoadOptions
from serving.models.manager import Manager
from serving.models.version_source import ModelConfig
from serving.server import embedded
from tests.serving.live import GOLDEN, eventually

FIRST = GOLDEN / "models/customer-model/1"
SECOND = GOLDEN / "staging/customer-model/2"
ROW = {
    "Gender": ["Male"],
    "Ever_Married": ["Yes"],
    "Age": [38.0],
    "Graduated": ["Yes"],
    "Profession": ["Engineer"],
    "Work_Experience": [1.0],
    "Spending_Score": ["Average"],
    "Family_Size": [3.0],
}


def publish(source: Path, base_path: Path, number: int) -> Path:
    """As a careful publisher does: beside first, then renamed."""
    staged = base_path.parent / f"staged-{number}"
    shutil.copytree(source, staged)
    return staged.rename(base_path / str(number))


def states(server: ModelServer) -> list[tuple[int, str, str]]:
    return [(status.version, status.state, status.error_code) for status in server.versions()]


def probability(server: ModelServer) -> float:
    return float(server.predict([ROW])[0]["probability"][0])


@contextmanager
def serving(base_path: Path) -> Iterator[ModelServer]:
    with embedded.embedded_server(base_path) as url:
        yield ModelServer(url)


@contextmanager
def eight_clients(server: ModelServer) -> Iterator[list[str]]:
    """Clients that predict all the time; yields what went wrong."""
    wrong: list[str] = []
    stop = threading.Event()

    def predict() -> None:
        while not stop.is_set():
            try:
                server.predict([ROW])
            except ServingError as error:
                wrong.append(str(error))
            stop.wait(0.005)  # clients, server and loader share this process

    threads = [threading.Thread(target=predict) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_higher_version_takes_over_and_gives_back_without_a_gap(base_path: Path) -> None:
    publish(FIRST, base_path, 1)
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        former = probability(server)
        with eight_clients(server) as wrong:
            second = publish(SECOND, base_path, 2)
            server.wait_available(2, deadline=60)
            eventually(lambda: states(server) == [(2, "AVAILABLE", "OK"), (1, "END", "OK")])
            assert probability(server) != former
            with pytest.raises(Refused, match=r"Servable not found for request: Specific\(customer-model, 1\)"):
                server.predict([ROW], version=1)
            shutil.rmtree(second)
            eventually(lambda: states(server) == [(2, "END", "OK"), (1, "AVAILABLE", "OK")])
            assert probability(server) == former
        assert wrong == []


def test_only_names_that_are_numbers_are_versions(base_path: Path) -> None:
    for name in ("tmp-9", "7.partial", "v8", "-3", "99999999999999999999"):
        shutil.copytree(FIRST, base_path / name)
    publish(FIRST, base_path, 1)
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        assert states(server) == [(1, "AVAILABLE", "OK")]


def _garbage(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\xff\xfegarbage")


def test_one_poll_gets_past_a_broken_version(base_path: Path) -> None:
    import serving.models.saved_model  # noqa: F401

    model = ModelConfig("customer-model", base_path)
    manager = Manager([model], ServerMetrics(), LoadOptions())
    watched = manager._models["customer-model"]

    def look() -> list[tuple[int, str, str]]:
        manager._poll(watched)
        eventually(lambda: "UNLOADING" not in {status.state for status in manager.statuses("customer-model")})
        return [(status.number, status.state, status.error_code) for status in manager.statuses("customer-model")]

    publish(FIRST, base_path, 1)
    assert look() == [(1, "AVAILABLE", "OK")]
    _garbage(base_path / "2")
    assert look() == [(2, "END", "DATA_LOSS"), (1, "AVAILABLE", "OK")]
    publish(SECOND, base_path, 3)
    assert look() == [(3, "AVAILABLE", "OK"), (2, "END", "DATA_LOSS"), (1, "END", "OK")]
    publish(FIRST, base_path, 4)
    _garbage(base_path / "5")
    assert look()[:3] == [(5, "END", "DATA_LOSS"), (4, "AVAILABLE", "OK"), (3, "END", "OK")]
    watched.versions[4].unload(timeout=1)


def test_a_failed_version_is_not_loaded_again_until_it_was_removed(base_path: Path) -> None:
    publish(FIRST, base_path, 1)
    (base_path / "3").mkdir()
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        eventually(lambda: states(server)[0] == (3, "END", "NOT_FOUND"))
        for file in SECOND.iterdir():
            (shutil.copytree if file.is_dir() else shutil.copy)(file, base_path / "3" / file.name)
        with pytest.raises(VersionFailed):
            server.wait_available(3, deadline=1)
        shutil.rmtree(base_path / "3")
        publish(FIRST, base_path, 2)  # proof that the disk was looked at in between
        server.wait_available(2, deadline=60)
        publish(SECOND, base_path, 3)
        eventually(lambda: states(server)[0] == (3, "AVAILABLE", "OK"))


def test_at_start_a_broken_newest_version_does_not_hide_a_good_one(base_path: Path) -> None:
    publish(FIRST, base_path, 1)
    _garbage(base_path / "2")
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        assert states(server) == [(2, "END", "DATA_LOSS"), (1, "AVAILABLE", "OK")]


def test_without_any_version_the_port_is_open_and_the_first_one_is_picked_up(base_path: Path) -> None:
    with serving(base_path) as server:
        assert server.versions() == []
        assert server.status(1) is None
        with pytest.raises(DeadlineExceeded, match="does not know version 1"):
            server.wait_available(1, deadline=0.3)
        publish(FIRST, base_path, 1)
        server.wait_available(1, deadline=60)


def test_without_any_version_left_every_request_is_not_found(base_path: Path) -> None:
    first = publish(FIRST, base_path, 1)
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        shutil.rmtree(first)
        eventually(lambda: states(server) == [(1, "END", "OK")])
        with pytest.raises(Refused, match=r"Servable not found for request: Latest\(customer-model\)"):
            server.predict([ROW])


def test_a_base_path_that_cannot_be_read_changes_nothing(base_path: Path) -> None:
    publish(FIRST, base_path, 1)
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        away = base_path.rename(base_path.with_name("away"))
        with pytest.raises(DeadlineExceeded):
            server.wait_available(2, deadline=0.7)
        assert states(server) == [(1, "AVAILABLE", "OK")]
        probability(server)
        away.rename(base_path)
        publish(SECOND, base_path, 2)
        server.wait_available(2, deadline=60)


def test_a_loaded_version_does_not_need_its_files(base_path: Path) -> None:
    first = publish(FIRST, base_path, 1)
    with serving(base_path) as server:
        server.wait_available(1, deadline=60)
        former = probability(server)
        for file in (SECOND / "variables").iterdir():
            shutil.copy(file, first / "variables" / file.name)
        with pytest.raises(DeadlineExceeded):
            server.wait_available(2, deadline=0.7)
        assert probability(server) == former
