"""A disk that takes no more: 507 in plain words, on the page, for a download and for /v1/score."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serving.gateway.gateway_process import GatewayProcess
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.live import ask, error_of
from tests.serving.score.scoring import many

BODY_ROWS = 3000
SAID = "No temporary file can be written (File too large). Try again later."


@contextmanager
def files_of_at_most(size: int, door: GatewayProcess) -> Iterator[None]:
    """A disk that takes so many bytes in one file; the error is another one than that of a full disk."""
    before = resource.prlimit(door.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(door.process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(door.process.pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def body(tmp_path: Path) -> bytes:
    return many(tmp_path / "in.csv", BODY_ROWS).read_bytes()


@pytest.mark.parametrize("top", ["", "?top=90%25"])
def test_a_scored_file_for_which_there_is_no_room_is_507(
    top: str, body: bytes, door: GatewayProcess, root: Path
) -> None:
    with files_of_at_most(len(body) + 1000, door):
        status, said, _ = ask(door.url, "POST", f"/v1/score{top}", body, {"Content-Type": "text/csv"})
    assert (status, error_of(said)) == (507, SAID)
    assert "File too large" in door.log.read_text()
    assert not [*(root / "spool").glob("gateway-*/request-*")]


def test_a_list_for_which_there_is_no_room_fails_in_plain_words(
    body: bytes, visitor: Visitor, door: GatewayProcess
) -> None:
    with files_of_at_most(len(body) + 1000, door):
        state = visitor.over(visitor.send(body))
    assert (state["state"], state["error"], state["may_pass"]) == ("failed", SAID, True)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_download_for_which_there_is_no_room_is_507(
    kind: str, body: bytes, visitor: Visitor, door: GatewayProcess
) -> None:
    found = visitor.list_of(body)
    path = f"/page/lists/{found}/download?by=share&share=100&kind={kind}"
    with files_of_at_most(10_000, door):
        assert visitor.refused(path) == (507, SAID)
    assert visitor.ask("GET", path)[0] == 200
