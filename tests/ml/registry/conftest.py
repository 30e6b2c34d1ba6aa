"""Settings of the registry's tests: those of a root whose model server is a stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml.config.settings import Settings
from ml.storage.root import Root
from tests.ml.light_world import stand_in


@pytest.fixture
def settings(root: Root) -> Iterator[Settings]:
    with stand_in(root) as settings:
        yield settings
