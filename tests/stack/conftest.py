"""One stack for all of these tests: it takes minutes to come up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.containers import Containers


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
