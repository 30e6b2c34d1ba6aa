"""A gateway before the golden models, with a release of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.gateway.gateway_process import GatewayProcess, gateway
from tests.serving.gateway.page.release import MODEL, write_release
from tests.serving.gateway.page.visitor import Visitor
from tests.serving.live import ServerProcess


@pytest.fixture(scope="module")
def door(golden_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """For the tests of a module; nothing of their files is left at the end."""
    place = tmp_path_factory.mktemp("page")
    write_release(place, golden_server.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ROOT", str(place))
        flags = (f"--spool={place / 'spool'}", f"--model={MODEL}", "--max-body-bytes=8000000")
        with gateway(golden_server.url, *flags, log=place / "log") as door:
            yield door
    assert not [*(place / "spool").glob("gateway-*")]


@pytest.fixture
def visitor(door: GatewayProcess) -> Iterator[Visitor]:
    visitor = Visitor(door.url)
    yield visitor
    visitor.leave()


@pytest.fixture
def root(door: GatewayProcess) -> Path:
    return door.log.parent
