"""Fixtures: the step ingest with the real Kaggle client, credentials, and a stand-in of the API."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import Dataset
from ml.config.settings import resolve
from ml.data.ingest import ingest
from ml.errors import RetrainError
from ml.storage.root import Root
from tests.ml.data.kaggle.api_stand_in import KEY, SECRETS, StandIn, kaggle_stand_in

SETTINGS = resolve(environment={}).data


class World:
    """A stand-in, credentials, a root; `ingest` runs the step and keeps the pauses that it asked for."""

    def __init__(self, stand_in: StandIn, home: Path) -> None:
        self.stand_in = stand_in
        self.home = home
        self.out = home / "out"
        self.out.mkdir()
        self.pauses: list[float] = []

    def ingest(self, slug: str, **changes: Any) -> Dataset:
        chosen: dict[str, Any] = {"dataset": f"owner/{slug}", "attempts": 3, "timeout_seconds": 60.0, **changes}
        settings = dataclasses.replace(SETTINGS, source="kaggle", **chosen)
        return ingest(settings, root=Root(self.home), out=self.out, sleep=self.pauses.append)

    def fails(self, kind: type[RetrainError], slug: str, *parts: str, **changes: Any) -> None:
        """Ingest ends with this error, these parts and a cure in its message, no secret in it, and leaves nothing."""
        with pytest.raises(kind) as caught:
            self.ingest(slug, **changes)
        assert list(self.out.iterdir()) == []
        assert caught.value.cure
        for part in parts:
            assert part in str(caught.value)
        for secret in SECRETS:
            assert secret not in str(caught.value)
            assert secret not in repr(caught.value.__cause__)

    @property
    def requests(self) -> int:
        return len(self.stand_in.downloads)


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def world(tmp_path: Path, bytecode: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(bytecode))  # each child would compile the client anew, 0.7 s
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for name in [name for name in os.environ if name.startswith(("KAGGLE_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    with kaggle_stand_in() as stand_in:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, stand_in.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "")
        yield World(stand_in, tmp_path)


@pytest.fixture
def no_secret_in_what_is_said(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    logged = [record.getMessage() for record in caplog.get_records("call")]
    said = "\n".join([*logged, *capfd.readouterr()])
    for secret in SECRETS:
        assert secret not in said
