"""A list whose page, process or download ends too early keeps what it has, and leaves nothing else behind."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving.gateway.gateway_process import GatewayProcess
from tests.serving.gateway.page.test_life import workers
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.gateway.test_score import requests_in
from tests.serving.live import eventually
from tests.serving.score.scoring import many

MANY = 5000
"""Of so many the best thousand have reasons, which takes seconds."""


@pytest.fixture
def explained(visitor: Visitor, tmp_path: Path) -> str:
    """A list whose reasons are just being found."""
    found = visitor.send(many(tmp_path / "in.csv", MANY).read_bytes())
    eventually(lambda: visitor.state(found)["state"] == "explaining" and visitor.state(found)["done"] > 0)
    return found


def keep(visitor: Visitor, found: str) -> threading.Thread:
    """Asks for a list to be kept, and goes on meanwhile."""

    def ask() -> None:
        with suppress(OSError, AssertionError):
            visitor.json("POST", f"/page/lists/{found}/keep")

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: visitor.state(found)["kept"])
    return asking


def test_a_list_that_is_to_be_kept_is_kept_although_its_page_is_left_before_the_last_reason(
    explained: str, visitor: Visitor, door: GatewayProcess, root: Path
) -> None:
    asking = keep(visitor, explained)
    visitor.leave()
    assert visitor.json("GET", "/page/lists")["kept"] == []  # it is not there yet
    asking.join(60)
    (about,) = visitor.json("GET", "/page/lists")["kept"]
    assert (about["id"], about["customers"]) == (explained, MANY)
    assert visitor.state(explained)["facts"]["explained"] == 1000
    eventually(lambda: not requests_in(root))
    visitor.ask("DELETE", f"/page/lists/{explained}")


def test_a_list_that_is_about_to_be_kept_is_not_when_somebody_thinks_otherwise(
    explained: str, visitor: Visitor, root: Path
) -> None:
    asking = keep(visitor, explained)
    assert visitor.ask("POST", f"/page/lists/{explained}/keep?kept=no")[0] == 200
    asking.join(60)
    assert visitor.over(explained)["state"] == "done"
    assert visitor.json("GET", "/page/lists")["kept"] == []


def test_a_ranking_stays_when_the_process_that_finds_reasons_is_killed(
    explained: str, visitor: Visitor, door: GatewayProcess
) -> None:
    (pid,) = workers(door)
    os.kill(pid, signal.SIGKILL)
    state = visitor.over(explained)
    assert (state["state"], state["ranked"], state["error"]) == ("done", True, "")
    reasons = state["facts"]["explained"]
    assert 0 < reasons < 1000
    assert state["facts"]["why_not"] == f"Finding reasons was ended: the best {reasons:,} customers have some."
    assert visitor.prospect(explained, by="number", number="10")["customers"] == MANY
    assert visitor.download(explained, by="share", share="100").count(b"\n") == MANY + 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_download_that_is_broken_off_leaves_nothing_on_the_disk(
    kind: str, visitor: Visitor, door: GatewayProcess, root: Path, tmp_path: Path
) -> None:
    found = visitor.list_of(many(tmp_path / "in.csv", 20_000).read_bytes())
    (own,) = requests_in(root)
    before = {*own.iterdir()}
    address = urlsplit(visitor.url)
    with socket.create_connection((address.hostname, address.port)) as client:
        path = f"/page/lists/{found}/download?by=share&share=100&kind={kind}"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        eventually(lambda: [path for place in requests_in(root) if place != own for path in place.iterdir()])
    eventually(lambda: requests_in(root) == [own] and not workers(door))
    assert {*own.iterdir()} == before
