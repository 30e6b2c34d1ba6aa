"""Model directories broken in every way, while eight clients predict without pause."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from tests.serving.live import GOLDEN, STARTED_WITHIN, ServerProcess, ask, eventually
from tests.serving.load import clients

GOOD = GOLDEN / "models/customer-flat/1"
OTHER_SHAPES = GOLDEN / "staging/customer-model/2"
PREDICT = "/v1/models/customer-flat:predict"
BODY = json.dumps({"instances": [EXAMPLE_INSTANCE] * 2}).encode()


class Publisher:
    """A server, and the directory it watches. Each test takes the next numbers."""

    def __init__(self, server: ServerProcess, base_path: Path) -> None:
        self.server = server
        self.base_path = base_path
        self.client = ModelServer(server.url, "customer-flat")
        self.last = 0

    def publish(self, make: Callable[[Path], object]) -> int:
        """As a careful publisher does: beside first, then renamed."""
        self.last += 1
        staged = self.base_path.parent / f"staged-{self.last}"
        make(staged)
        staged.rename(self.base_path / str(self.last))
        return self.last

    def serving(self) -> int:
        return next(status.version for status in self.client.versions() if status.state == "AVAILABLE")

    def state(self, number: int) -> tuple[str, str, str]:
        status = self.client.status(number)
        return (status.state, status.error_code, status.error_message) if status else ("", "", "")


def good(path: Path) -> None:
    shutil.copytree(GOOD, path)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    where = tmp_path_factory.mktemp("broken")
    base_path = where / "customer-flat"
    base_path.mkdir()
    flags = ("--file_system_poll_wait_seconds=0.2", f"--model_base_path={base_path}", "--model_name=customer-flat")
    server = ServerProcess(*flags, log=where / "log")
    try:
        publisher = Publisher(server, base_path)
        first = publisher.publish(good)
        eventually(lambda: publisher.state(first)[0] == "AVAILABLE", within=STARTED_WITHIN)
        yield publisher
    finally:
        server.stop()


def _plain_file(path: Path) -> None:
    path.write_text("not a directory")


def _garbage(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\xff\xfegarbage")


def _no_variables(path: Path) -> None:
    shutil.copytree(GOOD, path)
    shutil.rmtree(path / "variables")


def _index_without_data(path: Path) -> None:
    shutil.copytree(GOOD, path)
    for data in (path / "variables").glob("*.data-*"):
        data.unlink()


def _truncated(path: Path) -> None:
    shutil.copytree(GOOD, path)
    data = next((path / "variables").glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:200])


def _uninitialised(path: Path) -> None:
    from tests.serving.made_models import save_uninitialised

    save_uninitialised(path)


def _warm_up_that_fails(path: Path) -> None:
    from tests.serving.made_models import save_half, write_warm_up

    save_half(path)
    write_warm_up(path, 4, -1)


def _warm_up_that_is_no_record_file(path: Path) -> None:
    shutil.copytree(GOOD, path)
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no records here at all")


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (
            _plain_file,
            "FAILED_PRECONDITION",
            "Error while attempting to reserve resources to load servable {{name: customer-flat version: {number}}}: "
            "{path}; Not a directory",
        ),
        (
            Path.mkdir,
            "NOT_FOUND",
            "Specified file path does not appear to contain a SavedModel bundle (should have a file called "
            "`saved_model.pb`)\nSpecified file path: {path}",
        ),
        (_garbage, "DATA_LOSS", "Can't parse {path}/saved_model.pb as binary proto"),
        (_no_variables, "FAILED_PRECONDITION", "Could not find variables: "),
        (_index_without_data, "UNKNOWN", "{path}/variables/variables.data-00000-of-00001; No such file or directory"),
        (_truncated, "OUT_OF_RANGE", "Read less bytes than requested"),
        (_uninitialised, "FAILED_PRECONDITION", "Could not find variable"),
        (_warm_up_that_fails, "INVALID_ARGUMENT", "assertion failed: [no negative numbers."),
        (_warm_up_that_is_no_record_file, "DATA_LOSS", ""),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_broken_version_ends_while_the_former_one_answers(
    make: Callable[[Path], object], code: str, message: str, publisher: Publisher
) -> None:
    former = publisher.serving()
    with clients(publisher.server, PREDICT, BODY) as asking:
        broken = publisher.publish(make)
        eventually(lambda: publisher.state(broken)[0] == "END")
        path = publisher.base_path / str(broken)
        assert publisher.state(broken)[1] == code
        assert publisher.state(broken)[2].startswith(message.format(path=path, number=broken))
        assert publisher.state(former)[0] == "AVAILABLE"
        so_far = asking.total()
        eventually(lambda: asking.total() > so_far)
        following = publisher.publish(good)
        eventually(lambda: publisher.state(following)[0] == "AVAILABLE" and publisher.state(former)[0] == "END")
        assert publisher.state(broken)[0] == "END"
    assert asking.wrong == []
    assert len(asking.answers) == 1  # every version here has the same weights


def test_what_is_not_a_version_and_a_base_path_that_vanishes_change_nothing(publisher: Publisher) -> None:
    here = publisher.serving()
    with clients(publisher.server, PREDICT, BODY) as asking:
        for name in ("tmp-9999", "9999.partial", "v9999"):
            shutil.copytree(GOOD, publisher.base_path / name)
        for file in (OTHER_SHAPES / "variables").iterdir():  # files of the loaded version overwritten
            shutil.copy(file, publisher.base_path / str(here) / "variables" / file.name)
        away = publisher.base_path.rename(publisher.base_path.with_name("away"))
        so_far = asking.total()
        eventually(lambda: asking.total() > so_far + 500)
        assert publisher.state(here)[0] == "AVAILABLE"
        away.rename(publisher.base_path)
        following = publisher.publish(good)
        eventually(lambda: publisher.state(following)[0] == "AVAILABLE" and publisher.state(here)[0] == "END")
    assert asking.wrong == []
    assert len(asking.answers) == 1
    assert b"9999" not in ask(publisher.server.url, "GET", "/v1/models/customer-flat")[1]


def test_a_directory_that_is_filled_too_late_is_passed_over(publisher: Publisher) -> None:
    with clients(publisher.server, PREDICT, BODY) as asking:
        late = publisher.publish(Path.mkdir)
        eventually(lambda: publisher.state(late)[:2] == ("END", "NOT_FOUND"))
        shutil.copytree(GOOD, publisher.base_path / str(late), dirs_exist_ok=True)
        following = publisher.publish(good)
        eventually(lambda: publisher.state(following)[0] == "AVAILABLE")
        assert publisher.state(late)[:2] == ("END", "NOT_FOUND")
    assert asking.wrong == []


def test_versions_change_under_load_without_a_failed_request(publisher: Publisher) -> None:
    with clients(publisher.server, PREDICT, BODY) as asking:
        former = publisher.serving()
        for _ in range(3):
            number = publisher.publish(good)
            eventually(lambda number=number: publisher.state(number)[0] == "AVAILABLE")  # type: ignore[misc]
            so_far = asking.total()
            eventually(lambda so_far=so_far: asking.total() > so_far + 50)  # type: ignore[misc]
        for number in range(publisher.last, former, -1):
            shutil.rmtree(publisher.base_path / str(number))
        eventually(lambda: publisher.state(former)[0] == "AVAILABLE" and publisher.state(publisher.last)[0] == "END")
    assert asking.wrong == []
    assert len(asking.answers) == 1
