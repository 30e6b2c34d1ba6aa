"""The StatsD client behind Airflow's metrics: real sockets; names are resolved by a stand-in, as DNS is elsewhere."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.observability.metrics.statsd_logger import get_statsd_logger
from airflow.sdk.observability.metrics.statsd_logger import get_statsd_logger as get_task_logger

from ml.storage.root import PROJECT
from retraining import statsd_client
from retraining.statsd_client import ResolvingStatsClient
from tests.plugins.resolving import Clock, Names, Server

Client = Callable[..., ResolvingStatsClient]


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.answers.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    both = Server(), Server()
    yield both
    for server in both:
        server.udp.close()


@pytest.fixture
def client(names: Names, clock: Clock) -> Iterator[Client]:
    made: list[ResolvingStatsClient] = []

    def make(host: str = "statsd") -> ResolvingStatsClient:
        made.append(ResolvingStatsClient(host, 9125, "airflow", False, resolve=names.resolve, clock=clock))
        return made[-1]

    yield make
    names.answers.set()
    for one in made:
        settle(one)
        one.close()


def settle(client: ResolvingStatsClient) -> None:
    """Wait for the look-up that goes on, if one does."""
    if client._lookup:
        client._lookup.join(60)


def test_the_first_metric_is_not_lost(names: Names, client: Client, servers: tuple[Server, Server]) -> None:
    names.address = servers[0].address
    client().incr("ti.start,task_id=train")
    assert servers[0].lines() == ["airflow.ti.start,task_id=train:1|c"]


def test_it_follows_the_name_to_another_address(
    names: Names, clock: Clock, client: Client, servers: tuple[Server, Server]
) -> None:
    old, new = servers
    names.address = old.address
    made = client()
    names.address = new.address
    made.incr("early")
    assert (old.lines(), names.asked) == (["airflow.early:1|c"], 1), "asked again too soon"
    clock.now += made.FRESH_SECONDS
    made.incr("due")  # whichever of the two it reaches
    settle(made)
    made.incr("later")
    assert "airflow.later:1|c" in new.lines()
    assert "airflow.later:1|c" not in old.lines()
    assert names.asked == 2


def test_a_name_that_is_not_known_at_first_is_found_later(
    names: Names, clock: Clock, client: Client, servers: tuple[Server, Server], caplog: pytest.LogCaptureFixture
) -> None:
    made = client()
    assert "StatsD server statsd: no address yet" in caplog.text
    made.incr("dropped")
    names.address = servers[0].address
    made.incr("dropped")
    assert names.asked == 1
    clock.now += made.RETRY_SECONDS
    made.incr("due")
    settle(made)
    made.incr("later")
    assert "airflow.later:1|c" in servers[0].lines()
    assert len(caplog.records) == 1


def test_a_name_that_is_unknown_for_a_while_leaves_the_address_as_it_was(
    names: Names, clock: Clock, client: Client, servers: tuple[Server, Server]
) -> None:
    names.address = servers[0].address
    made = client()
    names.address = None
    clock.now += made.FRESH_SECONDS
    made.incr("one")
    settle(made)
    made.incr("two")
    assert servers[0].lines() == ["airflow.one:1|c", "airflow.two:1|c"]


def test_a_resolver_that_hangs_holds_nobody_up(
    names: Names, clock: Clock, client: Client, servers: tuple[Server, Server]
) -> None:
    names.address = servers[0].address
    made = client()
    names.answers.clear()
    clock.now += made.FRESH_SECONDS
    for _ in range(100):  # each would wait for an answer that does not come
        made.incr("on")
        clock.now += made.RETRY_SECONDS
    assert servers[0].lines() == ["airflow.on:1|c"] * 100, "the address from before goes on serving"
    assert names.asked == 2, "one question at a time"


def test_a_process_that_starts_with_such_a_resolver_waits_once_and_briefly(names: Names, client: Client) -> None:
    names.answers.clear()
    before = time.monotonic()
    made = client()
    for _ in range(100):
        made.incr("dropped")
    assert made.FIRST_SECONDS <= time.monotonic() - before < 20 * made.FIRST_SECONDS


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_resolves_for_itself(
    names: Names, clock: Clock, client: Client, servers: tuple[Server, Server]
) -> None:
    """The parent is in the middle of a look-up, in a thread that the child does not have."""
    names.answers.clear()
    made = client()
    assert made._lookup
    assert made._lookup.is_alive()
    child = os.fork()
    if child == 0:
        try:
            names.answers = threading.Event()
            names.answers.set()
            names.address = servers[0].address
            clock.now += made.RETRY_SECONDS
            made.incr("due")
            settle(made)
            made.incr("from the child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert "airflow.from the child:1|c" in servers[0].lines()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_the_moments_of_a_look_up(
    names: Names, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The C library's locks would be inherited; but of a look-up that hangs, it is the network that is waited for."""
    monkeypatch.setattr(statsd_client, "FORK_SECONDS", 60)
    names.answers.clear()
    made = client()
    answer = threading.Timer(0.2, names.answers.set)
    answer.start()
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert made._lookup
    assert not made._lookup.is_alive()
    os.waitpid(child, 0)
    answer.join()


@pytest.mark.parametrize("host", ["unknown", "x" * 64, "\N{SNOWMAN}" * 300])
def test_nothing_is_ever_raised(host: str) -> None:
    resolve = nobody if host == "unknown" else socket.getaddrinfo
    made = ResolvingStatsClient(host, 9125, "airflow", False, resolve=resolve)
    made.timing("t", 1.5)
    with made.timer("t"):
        made.gauge("g", -1)
    settle(made)
    made.close()
    made.incr("after the end")


def nobody(*_: Any) -> Any:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def test_text_that_is_not_ascii_or_too_long_for_a_packet_does_not_raise(
    names: Names, client: Client, servers: tuple[Server, Server]
) -> None:
    names.address = servers[0].address
    made = client()
    made.incr("größe")
    made.incr("x" * 70_000)
    made.gauge("less", -1)
    assert servers[0].lines() == ["airflow.gr??e:1|c", "airflow.less:0|g", "airflow.less:-1|g"]


def test_airflow_takes_it_as_it_is_configured(monkeypatch: pytest.MonkeyPatch, servers: tuple[Server, Server]) -> None:
    host, port = servers[0].address
    for line in (PROJECT / "prometheus" / "airflow.env").read_text().splitlines():
        if line.startswith("AIRFLOW"):
            monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", host)
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(port))
    for get_logger in (get_statsd_logger, get_task_logger):  # of servers, and of tasks
        made = get_logger()
        assert isinstance(made.statsd, ResolvingStatsClient)
        made.incr("ti.start", tags={"task_id": "train", "run_id": "dropped"})
        settle(made.statsd)
        made.statsd.close()
    assert servers[0].lines() == ["airflow.ti.start,task_id=train:1|c"] * 2
