"""The data of each version that is kept: once for each content, whole, and gone with the last that needs them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ml.config.settings import Settings, resolve
from ml.errors import FinalError
from ml.registry.intervention.rollback import rollback
from ml.registry.kept_data import keep_data, kept_data
from ml.registry.ledger.ledger import Ledger
from ml.registry.retention import clean_up
from ml.storage.root import Root
from tests.ml.light_world import MODEL, candidate, do_promote, released

KEEP_TWO = resolve(overrides=["keep.versions=2", "keep.days=0"], environment={})


def sha256_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def released_from(root: Root, settings: Settings, text: str, data: str) -> int:
    from tests.ml.light_world import RUN

    candidate(root, text)
    (root.run(RUN) / "data.csv").write_text(data)
    return released(root, settings, text)


def kept(root: Root) -> set[str]:
    return {place.name for place in root.data.iterdir()}


def test_data_are_kept_once_for_each_content(root: Root, settings: Settings) -> None:
    for text, data in (("one", "a"), ("two", "a"), ("three", "b")):
        released_from(root, settings, text, data)
    assert kept(root) == {sha256_of("a"), sha256_of("b")}
    for number, data in ((1, "a"), (2, "a"), (3, "b")):
        csv = kept_data(root, Ledger(root.ledger).versions()[number].intent["data_sha256"])
        assert csv is not None
        assert csv.read_text() == data


def test_nothing_is_removed_while_the_disk_of_the_models_is_not_mounted(root: Root, settings: Settings) -> None:
    for text, data in (("one", "a"), ("two", "b"), ("three", "b")):
        released_from(root, settings, text, data)
    root.models.rename(root.path / "elsewhere")
    root.models.mkdir()
    clean_up(root, KEEP_TWO)
    assert kept(root) == {sha256_of("a"), sha256_of("b")}
    root.models.rmdir()
    (root.path / "elsewhere").rename(root.models)
    clean_up(root, KEEP_TWO)
    assert kept(root) == {sha256_of("b")}


def test_retention_removes_what_no_kept_version_needs(root: Root, settings: Settings) -> None:
    for text, data in (("one", "a"), ("two", "b"), ("three", "b")):
        released_from(root, settings, text, data)
    clean_up(root, KEEP_TWO)
    assert kept(root) == {sha256_of("b")}
    released_from(root, settings, "four", "c")
    clean_up(root, KEEP_TWO)
    assert kept(root) == {sha256_of("b"), sha256_of("c")}
    assert rollback(root, settings, target=3, reason="r").number == 5
    clean_up(root, KEEP_TWO)
    assert kept(root) == {sha256_of("b"), sha256_of("c")}, "version 5 is version 3 once more"
    (root.data / ("0" * 64)).mkdir()  # a promotion that was killed before its intent
    clean_up(root, KEEP_TWO)
    assert kept(root) == {sha256_of("b"), sha256_of("c")}
    (root.data / "of somebody else").mkdir()
    clean_up(root, KEEP_TWO)
    assert "of somebody else" in kept(root)


def test_a_version_that_nobody_has_confirmed_keeps_its_data(root: Root, settings: Settings) -> None:
    do_promote(root, settings, "one")
    clean_up(root, KEEP_TWO)
    assert len(kept(root)) == 1
    assert root.version(MODEL, 1).is_dir()


def test_damaged_data_are_not_taken_and_are_kept_anew(root: Root, tmp_path: Path) -> None:
    csv, sha256 = tmp_path / "data.csv", sha256_of("a")
    csv.write_text("a")
    keep_data(csv, sha256, root=root)
    (root.data / sha256 / "data.csv").write_text("b")
    assert kept_data(root, sha256) is None
    keep_data(csv, sha256, root=root)
    assert kept_data(root, sha256) is not None
    with pytest.raises(FinalError, match="are not those that the run was made of"):
        keep_data(csv, sha256_of("b"), root=root)
    assert kept_data(root, "../" + sha256) is None


def test_what_happens_to_the_file_of_the_run_does_not_reach_the_kept_one(root: Root, tmp_path: Path) -> None:
    csv, sha256 = tmp_path / "data.csv", sha256_of("a")
    csv.write_text("a")
    keep_data(csv, sha256, root=root)
    with csv.open("r+") as file:
        file.write("b")
    assert kept_data(root, sha256) is not None
