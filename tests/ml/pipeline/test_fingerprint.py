"""The fingerprint of the code: a change of any file that decides a result is seen, wherever the file stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml.pipeline.fingerprint import DECIDING, ONLY_TELLING, source_hashes
from ml.storage.root import PROJECT

ADDED = "added"


def rooms() -> list[str]:
    """Every directory with a source in it that may decide a result, as its path in the project."""
    sources = [path for room in DECIDING for path in (PROJECT / room).rglob("*.py")]
    found = {path.parent.relative_to(PROJECT).as_posix() for path in sources}
    return sorted(room for room in found if not room.startswith(ONLY_TELLING))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in DECIDING:
        if (PROJECT / room).is_dir():
            shutil.copytree(PROJECT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("room", rooms())
def test_a_change_in_any_room_is_seen(room: str, copy: Path) -> None:
    before = source_hashes(copy)
    changed = next((copy / room).glob("*.py"))
    changed.write_text(changed.read_text() + "\n# changed\n")
    after = source_hashes(copy)
    assert {path for path in before if before[path] != after[path]} == {changed.relative_to(copy).as_posix()}


def test_a_new_file_is_seen_and_settings_and_schema_which_have_hashes_of_their_own_are_not(copy: Path) -> None:
    before = source_hashes(copy)
    (copy / "ml" / ADDED).mkdir()
    (copy / "ml" / ADDED / "__init__.py").write_text("")
    for path in copy.rglob("*.toml"):
        path.write_text(path.read_text() + "\n# changed\n")
    schema = next(copy.rglob("schema.pbtxt"))
    schema.write_text(schema.read_text() + "\n# changed\n")
    after = source_hashes(copy)
    assert set(after) - set(before) == {f"ml/{ADDED}/__init__.py"}
    assert {path for path in before if before[path] != after[path]} == set()


@pytest.mark.parametrize("room", ONLY_TELLING)
def test_what_only_tells_of_results_repeats_no_work(room: str, copy: Path) -> None:
    before = source_hashes(copy)
    for changed in (copy / room).rglob("*.py"):
        changed.write_text(changed.read_text() + "\n# changed\n")
    assert source_hashes(copy) == before


def test_two_files_of_the_same_name_both_count(copy: Path) -> None:
    names = [path for path in source_hashes(copy) if path.endswith("/errors.py")]
    (copy / "ml" / ADDED).mkdir()
    (copy / "ml" / ADDED / "errors.py").write_text("")
    assert [path for path in source_hashes(copy) if path.endswith("/errors.py")] != names
