from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.pages.api_server import ApiServer, api_server, migrate
from tests.plugins.pages.ledgers import Story


@pytest.fixture(scope="session")
def simple_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """With the simple auth manager."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")
    migrate(home, root)
    with api_server(home, root) as server:
        yield server


@pytest.fixture
def server(simple_server: ApiServer) -> ApiServer:
    """The same server over an empty root."""
    for path in simple_server.root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return simple_server


@pytest.fixture
def story(server: ApiServer) -> Story:
    return Story(server.root)


@pytest.fixture
def told(tmp_path: Path) -> Story:
    """A story without a server."""
    return Story(tmp_path)
