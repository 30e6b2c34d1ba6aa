"""A root with a version, made once and copied for each test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ml.config.settings import Settings, resolve
from ml.drift.check import check_traffic
from ml.drift.last_checks import Check
from ml.storage.root import Root
from tests.ml.drift import world
from tests.ml.drift.world import DAY, Customer

Made = tuple[Root, list[Customer]]


@dataclass
class Site:
    """A root, its version's customers, and a way to look at the traffic."""

    root: Root
    customers: list[Customer]
    settings: Settings = field(default_factory=lambda: resolve(environment={}))

    def record(self, rows: int, **options: Any) -> None:
        world.record(self.root, self.customers, rows, **options)

    def look(self, day: date = DAY) -> Check:
        return check_traffic(self.root, self.settings, day=day)


@pytest.fixture(scope="session")
def made(libraries: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = Root.find(str(tmp_path_factory.mktemp("drift") / "root"))
    return root, world.release(root)


@pytest.fixture
def site(made: Made, tmp_path: Path) -> Site:
    root = Root(tmp_path / "root")
    shutil.copytree(made[0].path, root.path)
    return Site(root, made[1])
