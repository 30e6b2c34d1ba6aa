"""Going back never depends on a server, never goes one version too far, and says what nobody has confirmed yet."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from ml.cli.status import status
from ml.cli.status_text import status_text
from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError, TransientError
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import CONFIRMED, PUBLISHED, RESTORED, ROLLBACK, WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import Registry
from ml.registry.recovery import recover, recover_if_reachable
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, StandIn, do_confirm, do_promote, released


def alone(settings: Settings) -> Settings:
    """The settings of a root whose model server is down."""
    return replace(
        settings,
        serving=replace(settings.serving, url="http://127.0.0.1:9"),
        confirm=replace(settings.confirm, deadline_seconds=0.2),
    )


def champion(root: Root) -> int | None:
    version = Ledger(root.ledger).champion()
    return version.number if version else None


def events(root: Root) -> list[str]:
    return [event["event"] for event in Ledger(root.ledger).events()]


def text(root: Root, settings: Settings) -> str:
    return status_text(status(root, settings))


@pytest.mark.parametrize("target", [None, 2])
def test_a_pending_version_is_given_up_without_any_answer(root: Root, settings: Settings, target: int | None) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    do_promote(root, settings, "kills the server")
    back = rollback(root, alone(settings), target=target, reason="it kills the server")
    assert (back.number, champion(root)) == (2, 2)
    assert not root.version(MODEL, 3).exists()
    given_up = Ledger(root.ledger).versions()[3]
    assert (given_up.state, given_up.pending) == (WITHDRAWN, False)
    assert "it kills the server" in given_up.last["reason"]
    assert "UNCONFIRMED" in text(root, settings)


def test_further_back_than_the_champion_while_the_server_is_down(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    do_promote(root, settings, "pending")
    back = rollback(root, alone(settings), target=1, reason="r")
    assert (back.number, back.state, champion(root)) == (4, PUBLISHED, 4)
    assert sha256_tree(root.version(MODEL, 4)) == sha256_tree(root.version(MODEL, 1))
    assert sorted(path.name for path in (root.models / MODEL).iterdir()) == ["1", "4"], "2 and 3 were gone back from"
    assert Ledger(root.ledger).pending() == []


def test_a_pending_first_version_can_be_given_up(root: Root, settings: Settings) -> None:
    do_promote(root, settings, "kills the server")
    with pytest.raises(FinalError, match="No confirmed version is left"):
        rollback(root, alone(settings), target=None, reason="it kills the server")
    assert list((root.models / MODEL).iterdir()) == []
    shutil.rmtree(root.run(RUN))
    assert released(root, settings, "better") == 2


@pytest.mark.parametrize("copies", [False, True])
def test_the_next_command_that_reaches_a_server_confirms(root: Root, settings: Settings, copies: bool) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    if not copies:
        do_promote(root, settings, "pending")
    number = rollback(root, alone(settings), target=None, reason="r").number
    assert number == (3 if copies else 2)
    recover_if_reachable(root, alone(settings))
    assert "UNCONFIRMED" in text(root, settings)
    recover_if_reachable(root, settings)
    assert champion(root) == number
    assert "UNCONFIRMED" not in text(root, settings)
    assert events(root)[-1] == (CONFIRMED if copies else RESTORED)
    before = events(root)
    recover_if_reachable(root, settings)
    assert events(root) == before, "once is enough"


def test_a_repeated_rollback_confirms_and_goes_no_further(root: Root, settings: Settings) -> None:
    for name in ("one", "two", "three"):
        released(root, settings, name)
    (root.version(MODEL, 3) / "saved_model.pb").write_text("tampered")
    assert rollback(root, alone(settings), target=None, reason="r").number == 2
    for reachable in (alone(settings), settings):
        with pytest.raises(NothingToDoError, match="Version 2 serves since a rollback already, from version 3"):
            rollback(root, reachable, target=None, reason="r")
    assert (champion(root), events(root)[-1]) == (2, RESTORED)
    assert rollback(root, settings, target=1, reason="further").number == 4


def test_two_damaged_versions_are_given_up_at_once(root: Root, settings: Settings) -> None:
    for name in ("one", "two", "three"):
        released(root, settings, name)
    for number in (2, 3):
        shutil.rmtree(root.version(MODEL, number))
    assert rollback(root, settings, target=None, reason="r").number == 1
    assert events(root).count(ROLLBACK) == 1


def test_after_a_promotion_a_rollback_goes_back_again(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    assert rollback(root, settings, target=None, reason="r").number == 3
    release(root, settings, reason="the next one is good")
    assert released(root, settings, "better") == 4
    assert rollback(root, settings, target=None, reason="r").intent["rollback_of"] == 1


def test_another_version_than_the_interrupted_rollback_wanted(root: Root, settings: Settings) -> None:
    """The ledger's intent goes to 2, and its files are lost meanwhile: naming 1 is the way out."""
    for name in ("one", "two", "three", "four"):
        released(root, settings, name)
    (root.version(MODEL, 4) / "saved_model.pb").write_text("tampered")
    facts = {"from": 4, "target": 2, "result": 5, "withdraws": {"4": "tampered"}, "reason": "r"}
    Ledger(root.ledger).append(ROLLBACK, run_id="rollback-from-4-to-2", **facts)
    (root.version(MODEL, 2) / "saved_model.pb").write_text("lost")
    with pytest.raises(FinalError, match="are not those that were judged"):
        rollback(root, settings, target=None, reason="r")
    with pytest.raises(FinalError, match="are not those that were judged"):
        recover(Registry(root, MODEL), settings)
    back = rollback(root, settings, target=1, reason="r")
    assert (back.intent["rollback_of"], champion(root)) == (1, back.number)
    assert Ledger(root.ledger).versions()[4].state == WITHDRAWN


def test_a_version_gone_back_to_that_a_server_refuses_is_withdrawn(
    root: Root, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        released(root, settings, name)
    (root.version(MODEL, 3) / "saved_model.pb").write_text("tampered")
    rollback(root, alone(settings), target=None, reason="r")
    monkeypatch.setattr(StandIn, "refuses", frozenset({2}))
    recover(Registry(root, MODEL), settings)
    assert champion(root) == 1
    with pytest.raises(NothingToDoError, match="Version 1 serves since a rollback already"):
        rollback(root, settings, target=None, reason="r")
    assert champion(root) == 1


def test_an_older_run_is_superseded_and_does_not_wait(root: Root, settings: Settings) -> None:
    do_promote(root, settings, "one")
    do_confirm(root, settings)
    released_run = root.run(RUN).rename(root.runs / "kept")
    released(root, settings, "two")
    released_run.rename(root.run(RUN))
    patient = replace(settings, confirm=replace(settings.confirm, deadline_seconds=120.0))
    with pytest.raises(FinalError, match="Version 1 was superseded by version 2") as error:
        do_promote(root, patient, "one")
    assert "rollback 1" in error.value.cure
    with pytest.raises(FinalError, match="Version 1 was superseded by version 2"):
        do_confirm(root, patient)


def test_a_run_that_must_wait_for_the_server_names_the_way_back(root: Root, settings: Settings) -> None:
    do_promote(root, settings, "one")
    with pytest.raises(TransientError) as error:
        do_confirm(root, alone(settings))
    assert "python -m ml rollback" in error.value.cure


def test_what_was_changed_between_publishing_and_confirming_is_withdrawn(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two")
    path = root.release(2) / "replay.json"
    path.write_text(path.read_text().replace("0.1", "0.9"))
    with pytest.raises(FinalError, match=r"Version 2 was withdrawn: the release record in .* was changed"):
        do_confirm(root, settings)
    assert champion(root) == 1


def test_what_was_changed_after_going_back_is_not_confirmed(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    do_promote(root, settings, "pending")
    rollback(root, alone(settings), target=None, reason="r")
    (root.version(MODEL, 2) / "saved_model.pb").write_text("tampered")
    recover(Registry(root, MODEL), settings)
    assert RESTORED not in events(root)
    assert "LOST" in text(root, settings)
    assert rollback(root, settings, target=None, reason="r").number == 1


def test_a_disk_that_is_not_mounted_gives_nothing_up(root: Root, settings: Settings) -> None:
    for name in ("one", "two"):
        released(root, settings, name)
    base, before = root.models / MODEL, events(root)
    away = base.rename(root.path / "unmounted")
    with pytest.raises(FinalError, match="is missing, and every version with it") as error:
        rollback(root, settings, target=None, reason="r")
    assert "Mount the disk" in error.value.cure
    assert events(root) == before
    away.rename(base)
    assert rollback(root, settings, target=None, reason="r").number == 3


def test_a_version_that_is_not_there_gives_nothing_up(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "pending")
    before = events(root)
    with pytest.raises(FinalError, match="Version 9 is not a confirmed version that is kept"):
        rollback(root, settings, target=9, reason="r")
    assert events(root) == before
    assert root.version(MODEL, 2).is_dir()
