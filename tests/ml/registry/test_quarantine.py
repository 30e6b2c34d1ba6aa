"""A bad version stays away: by its bytes, under whatever number, whatever is asked, and however the disk is."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError
from ml.pipeline.approval.permission import NotPermittedError
from ml.registry.golden_rows import GoldenRows
from ml.registry.intervention.adopt import adopt
from ml.registry.intervention.quarantine import quarantine
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import KEPT, QUARANTINED, ROLLBACK
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.policy.quarantine import quarantine_of
from ml.storage import files
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, command, do_promote, released


def events(root: Root) -> list[str]:
    return [event["event"] for event in Ledger(root.ledger).events()]


def champion(root: Root) -> int | None:
    found = Ledger(root.ledger).champion()
    return found.number if found else None


def served(root: Root) -> list[int]:
    return sorted(int(place.name) for place in (root.models / MODEL).iterdir())


@pytest.fixture
def three(root: Root, settings: Settings) -> Root:
    for name in ("one", "two", "three"):
        released(root, settings, name)
    return root


def test_two_rollbacks_in_a_row_and_each_repeated(three: Root, settings: Settings) -> None:
    assert rollback(three, settings, target=None, reason="3 is rude").intent["rollback_of"] == 2
    assert served(three) == [1, 2, 4]
    assert rollback(three, settings, target=1, reason="2 is rude, too").number == 5
    assert served(three) == [1, 5], "the bytes of 2 are gone under both of their numbers"
    assert sorted(path.name for path in three.withdrawn.iterdir()) == ["2", "3", "4"]
    before = events(three)
    for target in (None, 1):
        with pytest.raises(NothingToDoError):
            rollback(three, settings, target=target, reason="again")
    assert (events(three), champion(three)) == (before, 5)


def test_a_quarantined_version_is_never_gone_back_to(three: Root, settings: Settings) -> None:
    rollback(three, settings, target=None, reason="It is rude.")
    with pytest.raises(FinalError, match="Version 3 is quarantined, and never serves again: It is rude") as error:
        rollback(three, settings, target=3, reason="r")
    assert error.value.cure == "Name another. Kept: 1, 2, 4."
    assert champion(three) == 4


def test_a_bad_version_that_is_gone_from_the_server_is_quarantined_too(three: Root, settings: Settings) -> None:
    sha256 = sha256_tree(three.version(MODEL, 3))
    shutil.rmtree(three.version(MODEL, 3))
    assert rollback(three, settings, target=None, reason="r").number == 2
    assert quarantine_of(Ledger(three.ledger).events()).models == {sha256: "r"}
    assert Ledger(three.ledger).hold() is not None


def test_going_back_needs_no_room_for_the_model(three: Root, settings: Settings) -> None:
    copied = rollback(three, settings, target=None, reason="r").number
    for name in ("saved_model.pb", "variables/variables.index"):
        assert (three.version(MODEL, copied) / name).samefile(three.version(MODEL, 2) / name)
    assert (three.release(copied) / "replay.json").samefile(three.release(2) / "replay.json")


@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_links_are_refused_it_copies(
    three: Root, settings: Settings, refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", refuses)
    copied = rollback(three, settings, target=None, reason="r").number
    assert sha256_tree(three.version(MODEL, copied)) == sha256_tree(three.version(MODEL, 2))
    assert not (three.version(MODEL, copied) / "saved_model.pb").samefile(three.version(MODEL, 2) / "saved_model.pb")


def test_another_error_of_the_disk_is_no_reason_to_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space left"):
        files.link_directory(tmp_path / "a", tmp_path / "b")


def test_quarantined_bytes_are_not_published_again_and_others_are(three: Root, settings: Settings) -> None:
    rollback(three, settings, target=None, reason="It is rude.")
    with pytest.raises(NotPermittedError, match="Its bytes are those of a model that is quarantined: It is rude"):
        do_promote(three, settings, "three", run_id="again")
    shutil.rmtree(three.run(RUN))
    release(three, settings, reason="r")
    assert released(three, settings, "four") == 5


def test_nor_are_they_adopted(three: Root, settings: Settings) -> None:
    def loads(*_: object) -> tuple[GoldenRows, list[str]]:
        return GoldenRows([], []), ["x"]

    rollback(three, settings, target=None, reason="r")
    shutil.copytree(three.withdrawn / "3", three.version(MODEL, 7))
    with pytest.raises(FinalError, match="Version 7 has the bytes of a model that is quarantined") as error:
        adopt(three, settings, number=7, reason="r", check=loads)
    assert "move" in error.value.cure
    (three.version(MODEL, 7) / "saved_model.pb").write_text("of another team")
    assert adopt(three, settings, number=7, reason="r", check=loads).number == 7


def test_the_champion_is_gone_back_from_also_when_it_is_a_rollback_itself(three: Root, settings: Settings) -> None:
    back = quarantine(three, settings, subject=3, reason="rude")
    assert back is not None
    assert (back.number, back.intent["rollback_of"]) == (4, 2)
    again = quarantine(three, settings, subject="4", reason="rude, too")
    assert again is not None
    assert (again.number, again.intent["rollback_of"], served(three)) == (5, 1, [1, 5])
    before = events(three)
    with pytest.raises(NothingToDoError, match="Version 3 is quarantined already"):
        quarantine(three, settings, subject=3, reason="again")
    assert events(three) == before
    with pytest.raises(FinalError, match="No confirmed version before 1 is kept") as error:
        quarantine(three, settings, subject=5, reason="r")
    assert error.value.cure.startswith("Retrain first; ")
    assert (events(three), champion(three)) == (before, 5)


def test_an_older_version_leaves_without_a_hold(three: Root, settings: Settings) -> None:
    assert champion(three) == 3
    quarantine(three, settings, subject=2, reason="rude")
    assert (champion(three), served(three), Ledger(three.ledger).hold()) == (3, [1, 3], None)
    assert Ledger(three.ledger).versions()[2].has_served, "so that its looks and refreshes count on"
    with pytest.raises(NothingToDoError):
        quarantine(three, settings, subject=2, reason="again")
    assert rollback(three, settings, target=None, reason="r").intent["rollback_of"] == 1


def test_a_candidate_is_quarantined_by_its_run(three: Root, settings: Settings) -> None:
    with locked_registry(three, settings, who="the test") as registry:
        registry.ledger.append(KEPT, run_id="weekly", model_sha256="k", fingerprint="f", champion=3)
    quarantine(three, settings, subject="weekly", reason="rude")
    last = Ledger(three.ledger).events()[-1]
    assert (last["event"], last["model_sha256"], last["fingerprint"]) == (QUARANTINED, "k", "f")
    assert champion(three) == 3
    with pytest.raises(FinalError, match="no candidate of such a run") as error:
        quarantine(three, settings, subject="tpyo", reason="r")
    assert error.value.cure == "Versions: 1, 2, 3. Runs: one, two, three, weekly."


def test_a_published_version_that_nobody_confirmed_is_quarantined(three: Root, settings: Settings) -> None:
    do_promote(three, settings, "four")
    quarantine(three, settings, subject=4, reason="rude")
    assert (champion(three), served(three), Ledger(three.ledger).pending()) == (3, [1, 2, 3], [])


def test_the_only_version_that_was_lost_may_be_trained_again(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    shutil.rmtree(root.version(MODEL, 1))
    with pytest.raises(FinalError, match="No confirmed version is left"):
        rollback(root, settings, target=None, reason="r")
    assert Ledger(root.ledger).hold() is None
    do_promote(root, settings, "one", run_id="the same data")
    assert served(root) == [2]


def test_a_hold_is_ended_once(three: Root, settings: Settings) -> None:
    with pytest.raises(NothingToDoError, match="No hold stands"):
        release(three, settings, reason="r")
    rollback(three, settings, target=None, reason="r")
    with pytest.raises(NotPermittedError, match="Held until"):
        do_promote(three, settings, "four")
    assert release(three, settings, reason="r").version == 3
    with pytest.raises(NothingToDoError, match="No hold stands"):
        release(three, settings, reason="r")
    do_promote(three, settings, "four")
    assert served(three) == [1, 2, 4, 5]


def test_the_commands_say_what_they_did(three: Root, settings: Settings) -> None:
    server = ["--serving-url", settings.serving.url]
    code, text = command(three, "quarantine", "3", "--reason", "rude", *server)
    assert (code, text) == (
        0,
        "3 is quarantined: its bytes never serve again.\nVersion 4 now serves the bytes of version 2.\n",
    )
    text = command(three, "status", *server)[1]
    assert "  HELD      Held until " in text
    assert "  bad       3: quarantined, and never served again" in text
    assert " quarantined" in command(three, "history")[1]
    told = command(three, "explain", "3")[1]
    assert "Version 3 was withdrawn: quarantined" in told
    assert "\n  It had been promoted:\n" in told
    assert command(three, "lineage", "3")[0] == 0
    assert command(three, "quarantine", "3", "--reason", "rude", *server)[1] == "Version 3 is quarantined already.\n"
    assert command(three, "release", "--reason", "found it")[1].startswith("The hold since 20")
    assert command(three, "release", "--reason", "found it")[1] == "No hold stands.\n"
    assert "HELD" not in command(three, "status", *server)[1]
    assert "end of the hold" in command(three, "history")[1]
    assert events(three).count(ROLLBACK) == 1


def test_who_names_nothing_is_told_how_to(three: Root) -> None:
    before = events(three)
    assert command(three, "quarantine", "--reason", "r")[0] == 2
    assert events(three) == before
