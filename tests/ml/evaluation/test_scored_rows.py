"""The file with the rows of a verdict: what was written is read, and nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from ml.errors import FinalError
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.scored_rows import ScoredRows

N = 5
ROWS = ScoredRows(
    rows=np.arange(N, dtype=np.uint64) + np.uint64(2**63),
    profiles=np.array([7, 7, 8, 9, 10], dtype=np.uint64),
    labels=np.array([0, 1, 1, 0, 1], dtype=np.int8),
    candidate=np.linspace(0, 1, N, dtype=np.float32),
    references=np.full((2, N), 0.25, dtype=np.float32),
    anchor=np.full(N, 0.5, dtype=np.float32),
    groups={"Gender": Categorical.of(["Female", "Male", "(missing)", "Ünïcode 🎈", ""])},
    gone_back_from=np.full(N, 0.75, dtype=np.float32),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    ROWS.write(tmp_path / "rows.npz")
    again = ScoredRows.read(tmp_path / "rows.npz")
    for field in fields(ScoredRows):
        if field.name != "groups":
            ours, theirs = getattr(ROWS, field.name), getattr(again, field.name)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
    assert list(again.groups) == ["Gender"]
    assert again.groups["Gender"].texts().tolist() == ["Female", "Male", "(missing)", "Ünïcode 🎈", ""]


def test_the_texts_of_older_code_are_read(tmp_path: Path) -> None:
    arrays = {field.name: getattr(ROWS, field.name) for field in fields(ScoredRows) if field.name != "groups"}
    texts = ["Female", "Male", "(missing)", "Ünïcode 🎈", ""]
    np.savez_compressed(tmp_path / "rows.npz", group_Gender=np.array(texts), **arrays)
    again = ScoredRows.read(tmp_path / "rows.npz")
    assert again.groups["Gender"].texts().tolist() == texts
    assert again.groups["Gender"].categories == ROWS.groups["Gender"].categories


def test_equal_rows_are_equal_bytes_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        ROWS.write(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_without_references_and_anchor_it_is_written_too(tmp_path: Path) -> None:
    replace(ROWS, references=np.zeros((0, N), np.float32), anchor=None, gone_back_from=None).write(
        tmp_path / "rows.npz"
    )
    again = ScoredRows.read(tmp_path / "rows.npz")
    assert again.anchor is None
    assert again.gone_back_from is None
    assert again.references.shape == (0, N)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"candidate": np.zeros(4, np.float32)}, "differ in length; expected 5"),
        ({"references": np.zeros(N, np.float32)}, "differ in length"),
        ({"references": np.zeros((9, N), np.float32)}, "9 references; at most 8"),
        ({"labels": np.full(N, 2, np.int8)}, "neither 0 nor 1"),
        ({"anchor": np.full(N, np.nan, np.float32)}, "not a probability"),
        ({"gone_back_from": np.full(N, np.nan, np.float32)}, "not a probability"),
        ({"candidate": np.full(N, 1.5, np.float32)}, "not a probability"),
        ({"groups": {"Gender": Categorical.of(["Male"])}}, "differ in length"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(change: dict[str, np.ndarray], fact: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=fact):
        replace(ROWS, **change)  # type: ignore[arg-type]


def odd_file(path: Path, kind: str) -> None:
    if kind == "text":
        path.write_text("not a zip")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "torn":
        ROWS.write(path)
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "one array":
        np.save(path.with_suffix(".npy"), np.arange(3))
        path.with_suffix(".npy").rename(path)
    elif kind == "other names":
        np.savez(path, scores=np.arange(3))
    elif kind == "pickled":
        np.savez(path, rows=np.array([object()]))
    elif kind == "double precision":
        arrays = {field.name: getattr(ROWS, field.name) for field in fields(ScoredRows) if field.name != "groups"}
        np.savez(path, **arrays | {"candidate": ROWS.candidate.astype(np.float64)})
    elif kind == "code without a text":
        arrays = {field.name: getattr(ROWS, field.name) for field in fields(ScoredRows) if field.name != "groups"}
        np.savez(path, **arrays, group_Gender=np.full(N, 2, np.int8), categories_Gender=np.array(["Female", "Male"]))


@pytest.mark.parametrize(
    "kind", ["text", "empty", "torn", "one array", "other names", "pickled", "double precision", "code without a text"]
)
def test_a_file_of_another_kind_is_named_with_a_cure(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rows.npz"
    odd_file(path, kind)
    with pytest.raises(FinalError, match=r"rows\.npz: not the scored rows of a verdict .*Repeat the step judge"):
        ScoredRows.read(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ScoredRows.read(tmp_path / "rows.npz")
