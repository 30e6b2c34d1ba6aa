"""One stack for all of these tests: it takes minutes to come up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.docker.containers import Containers, eventually

HERE = Path(__file__).parent
ORDER = ("test_stack", "test_doors", "test_restore")
"""They follow one another on one stack: from nothing to a version, and last what takes the stack down."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files of this directory into their order, and leaves all other tests where they are."""
    positions = [position for position, item in enumerate(items) if item.path.parent == HERE]
    ours = sorted((items[position] for position in positions), key=lambda item: ORDER.index(item.path.stem))
    for position, item in zip(positions, ours, strict=True):
        items[position] = item


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """Up, healthy, and without any version; gone at the end, its volumes too."""
    if not shutil.which("docker"):
        pytest.exit("docker is not on the PATH: these tests bring up docker-compose.yml for real.", returncode=2)
    directory: Path = tmp_path_factory.mktemp("stack")
    containers = Containers(directory)
    containers.down()
    try:
        containers.up()
        yield containers
    finally:
        containers.down()


@pytest.fixture(scope="session")
def failed_run(stack: Containers, first_run: str) -> str:
    """The id of a run that failed for want of data."""
    run_id = stack.airflow.trigger({"data": "inbox:nothing.csv"})
    assert stack.wait_for(run_id) == "failed"
    return run_id


@pytest.fixture(scope="session")
def first_run(stack: Containers) -> str:
    """The id of a run that was triggered over REST and is over."""
    eventually(stack.airflow.dag, seconds=120, what="the DAG")
    stack.airflow.unpause()
    run_id = stack.airflow.trigger({})
    stack.wait_for(run_id)
    return run_id
