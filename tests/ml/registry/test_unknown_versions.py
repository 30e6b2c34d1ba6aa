"""Versions that a model server sees and the ledger does not know: runs stop, and each cure works."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from ml.cli.status import status
from ml.cli.status_text import status_text
from ml.config.settings import Settings, resolve
from ml.errors import FinalError, NothingToDoError
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.champion import verified_champion
from ml.registry.golden_rows import GoldenRows
from ml.registry.intervention.adopt import adopt
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import ADOPTED, CONFIRMED
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import Registry
from ml.registry.version_directories import require_known, version_names
from ml.storage.files import read_json, sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, do_promote, released

LARGEST = (1 << 63) - 1


def loads(_staged: Path, golden_rows: GoldenRows | None, _settings: Settings) -> tuple[GoldenRows, list[str]]:
    """A private server is TensorFlow's; that one is in `test_adopt`."""
    return golden_rows or GoldenRows([], []), ["x"]


@pytest.mark.parametrize("how", ["removed", "emptied", "cut"])
def test_a_lost_ledger_stops_every_run(root: Root, settings: Settings, how: str, sample_csv: Path) -> None:
    for name in ("one", "two", "three"):
        released(root, settings, name)
    backup = root.ledger.read_bytes()
    kept = {"removed": None, "emptied": b"", "cut": b"".join(backup.splitlines(keepends=True)[:6])}[how]
    if kept is None:
        root.ledger.unlink()
    else:
        root.ledger.write_bytes(kept)
    run = Run(root, "r", resolve(overrides=[f"data.source={str(sample_csv)!r}"], environment={}))
    for work in (
        lambda: run_step("ingest", run),
        lambda: verified_champion(root, MODEL),
        lambda: do_promote(root, settings, "new"),
    ):
        with pytest.raises(FinalError, match=r"3.* for .*version") as error:
            work()
        for cure in ("Restore the ledger", "move the directory away", "ml adopt"):
            assert cure in error.value.cure
    assert "UNKNOWN" in status_text(status(root, settings))
    root.ledger.write_bytes(backup)
    require_known(root, MODEL)
    do_promote(root, settings, "new")


@pytest.mark.parametrize("name", ["0", "4", "007", "+7", " 7", "41", str(LARGEST)])
def test_a_name_that_a_server_takes_stops_a_run_until_it_is_moved(root: Root, settings: Settings, name: str) -> None:
    released(root, settings, "one")
    place = root.models / MODEL / name
    place.mkdir()
    is_number = name == str(int(name))
    with pytest.raises(FinalError, match="does not know it" if is_number else "takes this for version") as error:
        require_known(root, MODEL)
    assert ("ml adopt" in error.value.cure) == is_number  # a directory of another name cannot be adopted
    place.rename(root.path / "away")
    require_known(root, MODEL)


def test_a_file_or_a_link_with_such_a_name_counts_too(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    for make in (Path.touch, lambda path: path.symlink_to("nowhere")):
        make(root.models / MODEL / "9")
        with pytest.raises(FinalError, match="takes 9 for a version"):
            require_known(root, MODEL)
        (root.models / MODEL / "9").unlink()


@pytest.mark.parametrize("name", ["9" * 20, str(LARGEST + 1), "tmp-99", "-3", "1.0", "٣", ".4.making"])
def test_a_name_that_no_server_takes_is_ignored(root: Root, settings: Settings, name: str) -> None:
    released(root, settings, "one")
    (root.models / MODEL / name).mkdir()
    require_known(root, MODEL)
    assert version_names(root.models / MODEL) == {"1": 1}
    assert released(root, settings, "two") == 2


def test_no_number_above_the_largest_is_given_out(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    stray = root.models / MODEL / str(LARGEST)
    stray.mkdir()
    with pytest.raises(FinalError, match="no version number left") as error:
        Registry(root, MODEL).next_number()
    assert "Move that directory away" in error.value.cure
    with pytest.raises(FinalError, match="cannot be adopted") as refused:
        adopt(root, settings, number=LARGEST, reason="r", check=loads)
    assert "Rename" in refused.value.cure
    stray.rmdir()
    assert released(root, settings, "two") == 2


def test_versions_of_a_lost_ledger_are_adopted_with_their_records(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    sha256 = sha256_tree(root.version(MODEL, 2))
    root.ledger.unlink()
    for number in (1, 2):
        adopted = adopt(root, settings, number=number, reason="the disk died", check=loads)
        assert (adopted.number, adopted.state) == (number, CONFIRMED)
    champion = verified_champion(root, MODEL)
    assert champion is not None
    assert (champion.number, champion.model_sha256) == (2, sha256)
    assert champion.release_record()["target"] is not None
    assert "Adopted: the disk died" in status_text(status(root, settings))
    assert Ledger(root.ledger).events()[-1]["data_sha256"] == hashlib.sha256(b"ID\n1\n").hexdigest()
    with pytest.raises(NothingToDoError):
        adopt(root, settings, number=2, reason="again", check=loads)
    assert rollback(root, settings, target=None, reason="r").intent["rollback_of"] == 1
    release(root, settings, reason="r")
    assert released(root, settings, "three") == 4


def test_a_foreign_version_is_adopted_without_a_target(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    shutil.copytree(root.version(MODEL, 1), root.version(MODEL, 7))
    (root.version(MODEL, 7) / "saved_model.pb").write_text("foreign")
    adopted = adopt(root, settings, number=7, reason="from the other team", check=loads)
    assert (adopted.number, [v.number for v in Ledger(root.ledger).versions().values()]) == (7, [1, 7])
    assert read_json(root.release(7) / "release.json")["target"] is None
    assert list(root.staging.iterdir()) == []
    assert released(root, settings, "two") == 8


def test_the_number_of_a_withdrawn_version_is_not_adopted(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two")
    rollback(root, settings, target=None, reason="r")
    with pytest.raises(FinalError, match="calls version 2 withdrawn"):
        adopt(root, settings, number=2, reason="r", check=loads)
    assert ADOPTED not in [event["event"] for event in Ledger(root.ledger).events()]


def test_going_back_works_beside_an_unknown_version(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    (root.version(MODEL, 2) / "saved_model.pb").write_text("tampered")
    (root.models / MODEL / "41").mkdir()
    back = rollback(root, settings, target=None, reason="r")
    assert (back.number, back.intent["rollback_of"]) == (42, 1), "higher than whatever a server would take"
