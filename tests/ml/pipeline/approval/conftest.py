"""A version 1 that a stand-in serves, beside which people decide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml.config.settings import Settings
from ml.registry import promote
from ml.storage.root import Root
from tests.ml.light_world import released, stand_in


@pytest.fixture
def never_asked(root: Root, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Nobody is asked; version 1 serves. The private server is left out, since a few bytes do not load."""
    monkeypatch.setattr(promote, "_answers_privately", lambda *_: None)
    monkeypatch.setenv("RETRAIN_WHO", "ada")
    with stand_in(root) as settings:
        released(root, settings, "one")
        yield settings
