"""The metrics page under names that clients make up, and how fresh it is."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from serving.metrics import ServerMetrics
from tests.serving.live import ServerProcess, ask

PAGE = "/monitoring/prometheus/metrics"


def counts(page: bytes) -> dict[tuple[str, str], float]:
    """Requests by model and status; a series that is there twice is an error, as it is for Prometheus."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            if family.name == ":tensorflow:serving:request_count":
                key = sample.labels["model_name"], sample.labels["status"]
                assert key not in found
                found[key] = sample.value
    return found


def ascii_start(name: str) -> str:
    return f"{name[:2]!a}*{len(name)}"


@pytest.mark.parametrize("name", ["x" * 129, "é" * 65, '"' * 250_000, "\udcff", "a\udcfe"], ids=ascii_start)
def test_a_name_that_is_long_or_not_utf8_is_counted_among_the_others(name: str) -> None:
    metrics = ServerMetrics(["m"])
    metrics.request(name, "NOT_FOUND", "", 0)
    assert counts(metrics.page()) == {("(others)", "NOT_FOUND"): 1}


@pytest.mark.parametrize("name", ["x" * 128, "é" * 64, '"' * 128, ""], ids=ascii_start)
def test_a_short_name_has_a_label_of_its_own(name: str) -> None:
    metrics = ServerMetrics(["m"])
    metrics.request(name, "NOT_FOUND", "", 0)
    assert counts(metrics.page()) == {(name, "NOT_FOUND"): 1}


def test_a_served_model_has_a_label_of_its_own_however_long_its_name_is() -> None:
    metrics = ServerMetrics(["m" * 200])
    metrics.request("m" * 200, "NOT_FOUND", "", 0)
    assert counts(metrics.page()) == {("m" * 200, "NOT_FOUND"): 1}


def test_no_client_can_make_the_page_large_or_ambiguous(golden_server: ServerProcess) -> None:
    before = len(ask(golden_server.url, "GET", PAGE)[1])
    for number in range(5):
        ask(golden_server.url, "GET", f"/v1/models/{number}" + "%22" * 80_000)
    for escape in ("%FF", "%FE", "%FF%FE"):
        ask(golden_server.url, "GET", f"/v1/models/{escape}")
    page = ask(golden_server.url, "GET", PAGE)[1]
    assert len(page) < before + 1000
    assert counts(page)["(others)", "NOT_FOUND"] >= 8
    assert ask(golden_server.url, "GET", PAGE)[1] == page  # a look at the page changes nothing


def test_the_page_shows_everything_that_was_counted_before() -> None:
    metrics = ServerMetrics(["m"])
    pages = [metrics.page()]
    counting: list[Callable[[], None]] = [
        lambda: metrics.request("m", "OK", "predict", 0.001),
        lambda: metrics.run("m", "Predict", 0.001),
        lambda: metrics.examples("m", 3),
        lambda: metrics.load(Path("/models/m/1"), 0.0, succeeded=True, warm_up_seconds=0.1),
        lambda: metrics.load(Path("/models/m/2"), 0.0, succeeded=False),
    ]
    for count in counting:
        count()
        assert metrics.page() is metrics.page()
        pages.append(metrics.page())
    assert len(set(pages)) == len(pages)


def test_a_load_that_is_counted_while_the_page_is_made_is_on_the_next() -> None:
    metrics = ServerMetrics(["m"])

    class LoadMeanwhile(Collector):
        def collect(self) -> Iterator[Metric]:
            loading = threading.Thread(target=lambda: metrics.load(Path("/models/m/1"), 0.0, succeeded=True))
            loading.start()
            loading.join()
            return iter(())

    metrics.registry.register(LoadMeanwhile())  # comes last, when the loads are on the page already
    assert b"load_attempt_count{" not in metrics.page()
    assert b'load_attempt_count{model_path="/models/m/1",status="success"} 1' in metrics.page()
