"""The background of a version: read back as it was written, and only for the version whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from serving.reasons.background import MOST_ROWS, NAME, Background, read_background
from serving.reasons.version_background import NoBackgroundError, find_background
from tests.serving.reasons.games import background, columns, entangled

Known = Sequence[Mapping[str, object]]


def predict(rows: Known) -> list[float]:
    return [float(score) for score in entangled(columns(rows))]


def release(root: Path, content: Any, version: int = 3) -> Path:
    place = root / str(version)
    place.mkdir(parents=True)
    (place / NAME).write_text(content if isinstance(content, str) else json.dumps(content))
    return place / NAME


def test_it_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = release(tmp_path, background().as_dict())
    assert read_background(path) == background()
    assert json.loads(path.read_text())["mean"] == pytest.approx(background().mean)
    assert "NaN" not in path.read_text()


@pytest.mark.parametrize(
    "changed",
    [
        {"weights": [0.5, 0.3, 0.3]},
        {"weights": [1.5, -0.3, -0.2]},
        {"weights": [0.5, 0.5]},
        {"scores": [0.1, 0.2, float("nan")]},
        {"rows": []},
        {"rows": [["secret", "Artist", 2.0]] * 3},
        {"rows": [[1.0, "Artist"]] * 3},
        {"rows": [[1.0, 5, 2.0]] * 3},
        {"rows": [[1.0, "Artist", 2.0]] * (MOST_ROWS + 1), "weights": [1 / 16] * 16, "scores": [0.1] * 16},
        {"features": ["Age", "Age", "Family_Size"]},
        {"error": {}},
        {"features": []},
    ],
)
def test_what_is_none_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)) as caught:
        Background.of(background().as_dict() | changed)
    assert "secret" not in str(caught.value)


def test_the_version_that_answers_gets_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = release(tmp_path / "releases", background().as_dict())
    assert find_background(3, tmp_path / "releases", predict) == background()
    (path.parent / "evaluation.json").write_text("{}")
    assert find_background(3, path.parent / "evaluation.json", predict) == background()
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    assert find_background(3, None, predict) == background()


@pytest.mark.parametrize("answers", [None, "others"])
def test_another_model_does_not(tmp_path: Path, answers: str | None) -> None:
    release(tmp_path, background().as_dict())

    def other(rows: Known) -> list[float] | None:
        return [score + 0.001 for score in predict(rows)] if answers else None

    with pytest.raises(NoBackgroundError, match="belongs to another model than the one that answers"):
        find_background(3, tmp_path, other)


def test_a_version_of_older_code_and_an_unknown_one_are_refused_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    with pytest.raises(NoBackgroundError, match=r"before backgrounds were stored\. Train and promote a new version\."):
        find_background(2, tmp_path, predict)
    with pytest.raises(NoBackgroundError, match=r"there is no .*9\. Name the directory of its releases"):
        find_background(9, tmp_path, predict)


@pytest.mark.parametrize("content", ["{", "[]", "5", "[" * 100_000])
def test_a_damaged_one_is_named(tmp_path: Path, content: str) -> None:
    release(tmp_path, content)
    with pytest.raises(NoBackgroundError, match=r"background\.json is not a background .* Restore it from a backup"):
        find_background(3, tmp_path, predict)
