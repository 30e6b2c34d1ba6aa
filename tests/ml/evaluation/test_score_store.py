"""Scores are kept for the same rows and the same model, and a file that was changed counts as lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.evaluation.score_store import ScoreStore

SCORES = np.array([0.1, 0.9, 0.5], np.float32)


class Model:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def score(self) -> NDArray[np.float32]:
        self.asked += 1
        return SCORES


def test_a_model_is_asked_once(tmp_path: Path) -> None:
    model, store = Model(), ScoreStore(tmp_path / "rows", 3)
    for _ in range(3):
        np.testing.assert_array_equal(store.get("m", model.score), SCORES)
    assert model.asked == 1
    store.get("another", model.score)
    assert model.asked == 2


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "no array", "other rows"])
def test_a_changed_file_is_never_believed(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    model, store = Model(), ScoreStore(tmp_path, 3)
    store.get("m", model.score)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-1] ^= 1
    elif damage == "cut":
        del content[-2:]
    elif damage == "empty":
        content.clear()
    elif damage == "no array":
        content = bytearray(b"text")
    path.write_bytes(content)
    if damage == "other rows":
        store = ScoreStore(tmp_path, 4)
    np.testing.assert_array_equal(store.get("m", model.score), SCORES)
    assert model.asked == 2
    assert "scored again" in caplog.text
