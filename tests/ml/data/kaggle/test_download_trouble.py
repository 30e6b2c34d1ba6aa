"""What ingest does when Kaggle refuses, stumbles, hangs or sends something else: retry, or say why not."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ml.data.kaggle.errors import retry_after_seconds
from ml.data.kaggle.zip_archive import extract_member
from ml.errors import DataError, FinalError, TransientError
from ml.storage.root import PROJECT
from tests.ml.data.kaggle.api_stand_in import CSV, TOKEN, zipped

if TYPE_CHECKING:
    from tests.ml.data.kaggle.kaggle_world import World

pytest_plugins = ["tests.ml.data.kaggle.kaggle_world"]
pytestmark = pytest.mark.usefixtures("no_secret_in_what_is_said")


@pytest.mark.parametrize(
    ("slug", "parts"),
    [
        ("status-401", ("401", "KAGGLE_USERNAME and KAGGLE_KEY are wrong", "Make an API token")),
        ("status-403", ("403", "owner/status-403", "accept its terms")),
        ("status-404", ("404", "no data set owner/status-404", "Check data.dataset and data.file")),
        ("status-404-in-a-200", ("404", "no data set owner/status-404-in-a-200")),
        ("status-400", ("400", "Train.csv of owner/status-400 was refused")),
    ],
)
def test_what_cannot_pass_is_not_retried(world: World, slug: str, parts: tuple[str, ...]) -> None:
    world.fails(FinalError, slug, *parts)
    assert (world.requests, world.pauses) == (1, [])


@pytest.mark.parametrize(("slug", "requests"), [("twice-500", 3), ("once-cut", 2)])
def test_what_passes_is_waited_for(world: World, slug: str, requests: int) -> None:
    assert world.ingest(slug).rows == 3
    assert world.requests == requests
    for number, pause in enumerate(world.pauses):
        assert 0.5 * 2**number <= pause <= 2**number
    assert len(world.pauses) == requests - 1


def test_the_server_may_ask_for_a_pause(world: World) -> None:
    world.ingest("once-429")
    assert world.pauses == [17.0]


def test_a_server_in_trouble_is_left_after_the_last_attempt(world: World) -> None:
    world.fails(TransientError, "always-503", "503", "Tried 3 times", "Try again later")
    assert world.requests == 3


def test_a_transfer_that_is_always_cut_may_be_retried_later(world: World) -> None:
    world.fails(TransientError, "cut", f"ended after 30 of {len(CSV)} bytes", "Tried 2 times", attempts=2)
    assert world.requests == 2


def test_a_lost_connection_may_be_retried_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    world.fails(TransientError, "plain", "no connection", "Tried 2 times", "proxy", attempts=2)


@pytest.mark.parametrize("slug", ["hangs", "drips"])
def test_a_server_that_hangs_is_left_at_the_deadline(world: World, slug: str) -> None:
    start = time.monotonic()
    world.fails(
        TransientError,
        slug,
        "no complete answer within 3 s",
        "Tried once",
        "data.timeout_seconds",
        attempts=1,
        timeout_seconds=3.0,
    )
    assert world.requests == 1
    assert time.monotonic() - start < 30


def test_the_deadline_also_bounds_the_check_of_a_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    world.stand_in.introspection = "hang"
    world.fails(TransientError, "plain", "within 3 s", attempts=1, timeout_seconds=3.0)


@pytest.mark.parametrize("slug", ["bad-zip", "damaged-zip"])
def test_a_zip_that_is_never_whole_is_the_fault_of_the_data(world: World, slug: str) -> None:
    world.fails(DataError, slug, f"owner/{slug}", "cut short or damaged", "Tried 2 times", "tell its owner", attempts=2)
    assert world.requests == 2


def test_a_zip_without_the_file_lists_what_is_in_it(world: World) -> None:
    world.fails(DataError, "wrong-zip", "no file named Train.csv", "Sales.csv, notes.txt", "Set data.file")
    assert world.requests == 1


def test_a_web_page_instead_of_data_is_named(world: World) -> None:
    world.fails(DataError, "html", "owner/html/Train.csv", "a web page ('Sign in | Kaggle')")
    assert world.requests == 1


@pytest.mark.parametrize("slug", ["large", "endless", "bomb"])
def test_more_bytes_than_allowed_are_refused(world: World, slug: str) -> None:
    world.fails(DataError, slug, f"owner/{slug}", "larger than 100,000 bytes", "data.max_bytes", max_bytes=100_000)
    assert world.requests == 1


def test_a_zip_that_is_too_large_is_not_even_begun(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(zipped(Train__csv=CSV * 1000))
    with pytest.raises(DataError, match="larger than 60,000 bytes"):
        extract_member(tmp_path / "data.zip", "Train.csv", target=tmp_path / "x", name="data.zip", max_bytes=60_000)
    assert not (tmp_path / "x").exists()


def test_a_zip_that_lies_about_its_size_does_not_fill_the_disk(world: World) -> None:
    world.fails(DataError, "lying-bomb", "owner/lying-bomb", "cut short or damaged", max_bytes=100_000, attempts=1)


def test_a_full_disk_is_told_from_a_broken_network(world: World) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        world.fails(TransientError, "large", "ingest into", os.strerror(errno.EFBIG), "Free disk space")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert world.requests == 1


def test_the_client_dies_with_a_killed_parent(world: World) -> None:
    program = (
        "from ml.data.ingest import ingest; from ml.storage.root import Root; from ml.config.settings import resolve;"
        "import pathlib, sys;"
        "home = pathlib.Path(sys.argv[1]);"
        "data = resolve(environment={}, overrides=['data.dataset=owner/hangs', 'data.source=kaggle']).data;"
        "ingest(data, root=Root(home), out=home / 'out')"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(world.home)], cwd=PROJECT)
    _wait_until(lambda: world.requests == 1)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert len(children) == 1
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _wait_until(lambda: not _alive(children[0]))


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("7", 7.0),
        ("99999", 300.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 300.0),
        ("Wed, 21 Oct 2099 07:28:00 -0000", None),
    ],
)
def test_retry_after_holds_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds
