"""What several tests of the exporter need."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.storage.root import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.find(str(tmp_path / "root"))
