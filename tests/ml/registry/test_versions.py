"""Rollback, retention, settling and locks, with the real ledger and directories and a stand-in for the server."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from ml.cli.status import status
from ml.cli.status_text import status_text
from ml.config.settings import Settings, resolve
from ml.errors import FinalError, NothingToDoError, TransientError
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import CONFIRMED, WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import Registry
from ml.registry.recovery import recover
from ml.registry.retention import clean_up
from ml.storage import locks
from ml.storage.files import sha256_tree
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, command, do_confirm, do_promote, released


def served(root: Root) -> list[int]:
    return sorted(int(p.name) for p in (root.models / MODEL).iterdir())


def test_rollback_publishes_the_old_bytes_under_a_higher_number(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    released(root, settings, "two")
    version = rollback(root, settings, target=None, reason="two is rude to customers")
    assert (version.number, version.state) == (3, CONFIRMED)
    assert sha256_tree(root.version(MODEL, 3)) == sha256_tree(root.version(MODEL, 1))
    assert served(root) == [1, 3], "the bad one is out of the server's sight"
    assert (root.release(3) / "background.json").read_bytes() == (root.release(1) / "background.json").read_bytes()
    assert "two is rude to customers" in version.intent["reasons"][0]
    assert Ledger(root.ledger).champion() == version
    text = status_text(status(root, settings))
    assert "version 3 serves since" in text
    assert "Rolled back from version 2 to 1" in text


def test_rollback_to_a_named_version_and_not_twice(root: Root, settings: Settings) -> None:
    for text in ("one", "two", "three"):
        released(root, settings, text)
    assert rollback(root, settings, target=1, reason="r").number == 4
    with pytest.raises(NothingToDoError, match="already has the bytes of version 1"):
        rollback(root, settings, target=1, reason="r")
    with pytest.raises(NothingToDoError, match="is a rollback already"):
        rollback(root, settings, target=None, reason="r")
    with pytest.raises(FinalError, match=r"Version 9 is not a confirmed version that is kept\. Kept: 1, 2, 4"):
        rollback(root, settings, target=9, reason="r")


def test_rollback_without_versions_says_so(root: Root, settings: Settings) -> None:
    with pytest.raises(FinalError, match="no confirmed version yet"):
        rollback(root, settings, target=None, reason="r")
    released(root, settings, "one")
    with pytest.raises(FinalError, match="No confirmed version before 1 is kept that has other bytes"):
        rollback(root, settings, target=None, reason="r")


def test_rollback_refuses_bytes_that_changed(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    released(root, settings, "two")
    (root.version(MODEL, 1) / "saved_model.pb").write_text("tampered")
    with pytest.raises(FinalError, match="are not those that were judged"):
        rollback(root, settings, target=None, reason="r")
    assert served(root) == [1, 2]


def test_a_version_that_fails_to_load_is_withdrawn_and_its_number_is_retired(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two", broken=True)
    with pytest.raises(FinalError, match="Version 2 was withdrawn: the model server could not load it"):
        do_confirm(root, settings)
    assert served(root) == [1]
    assert (root.withdrawn / "2").is_dir()
    assert Ledger(root.ledger).versions()[2].state == WITHDRAWN
    with pytest.raises(FinalError, match="was withdrawn"):
        do_promote(root, settings, "two")
    import shutil

    shutil.rmtree(root.run(RUN))
    assert released(root, settings, "three") == 3


def test_a_server_that_does_not_answer_leaves_the_version_published(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two")
    nobody = resolve(overrides=["serving.url='http://127.0.0.1:9'", "confirm.deadline_seconds=0.5"], environment={})
    with pytest.raises(TransientError, match="published but not confirmed"):
        do_confirm(root, nobody)
    assert served(root) == [1, 2]
    do_confirm(root, settings)
    champion = Ledger(root.ledger).champion()
    assert champion is not None
    assert champion.number == 2


def test_what_a_killed_run_left_pending_is_confirmed_by_the_next(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two")
    recovered = recover(Registry(root, MODEL), settings)
    assert [(version.number, version.state) for version in recovered] == [(2, CONFIRMED)]
    assert recover(Registry(root, MODEL), settings) == []


def test_numbers_go_up_whoever_used_them(root: Root, settings: Settings) -> None:
    (root.models / MODEL / "41").mkdir(parents=True)
    (root.models / MODEL / "tmp-99").mkdir()
    assert Registry(root, MODEL).next_number() == 42


def test_retention_keeps_the_newest_and_always_what_serves(root: Root, settings: Settings) -> None:
    for number in range(1, 6):
        released(root, settings, f"text {number}")
    for number in range(30):
        (root.runs / f"run-{number:02}").mkdir(parents=True)
        os.utime(root.runs / f"run-{number:02}", (number, number))
    few = resolve(overrides=["keep.versions=2", "keep.days=0", "keep.runs=3"], environment={})
    with locks.hold(root.runs / "run-05" / ".lock", who="a run in progress", wait_seconds=0):
        os.utime(root.runs / "run-05", (5, 5))
        clean_up(root, few, current_run="run-01")
    assert served(root) == [4, 5]
    assert sorted(p.name for p in (root.path / "releases").iterdir()) == ["4", "5"]
    left = sorted(p.name for p in root.runs.iterdir())
    assert left == ["run-01", "run-05", "run-27", "run-28", "run-29"]
    assert [version.number for version in Ledger(root.ledger).versions().values()] == [1, 2, 3, 4, 5]


def test_the_defaults_keep_ten_versions_and_twenty_runs() -> None:
    keep = resolve(environment={}).keep
    assert (keep.versions, keep.days, keep.runs) == (10, 28.0, 20)


def test_what_served_lately_is_kept_and_a_dry_run_removes_nothing(root: Root, settings: Settings) -> None:
    for number in range(1, 5):
        released(root, settings, f"text {number}")
    lately = ["--set", "keep.versions=2", "--set", "keep.days=1"]
    assert command(root, "clean", "--dry-run", *lately)[1] == "Nothing to remove.\n"
    few = ["--set", "keep.versions=2", "--set", "keep.days=0"]
    before = served(root)
    plan = command(root, "clean", "--dry-run", *few)[1].splitlines()
    assert served(root) == before
    assert plan[0].startswith(
        "would go: version 2 (customer-model): keep.versions is 2, and it served before the last 0"
    )
    done = command(root, "clean", *few)[1].splitlines()
    assert [line.removeprefix("removed") for line in done] == [line.removeprefix("would go") for line in plan]
    assert served(root) == [3, 4]
    assert command(root, "clean", *few)[1] == "Nothing to remove.\n"


def test_the_evidence_of_a_bad_version_is_kept_while_a_hold_needs_it(root: Root, settings: Settings) -> None:
    for number in range(1, 5):
        released(root, settings, f"text {number}")
    rollback(root, settings, target=None, reason="r")
    keep = resolve(overrides=["keep.versions=2", "keep.days=0"], environment={})
    for number in (7, 8, 9):  # withdrawn later
        (root.withdrawn / str(number)).mkdir()
    clean_up(root, keep)
    assert sorted(path.name for path in root.withdrawn.iterdir()) == ["4", "8", "9"]
    release(root, settings, reason="r")
    clean_up(root, keep)
    assert sorted(path.name for path in root.withdrawn.iterdir()) == ["8", "9"]
    assert root.release(4).is_dir()


def test_a_second_promotion_waits_or_names_the_holder(root: Root, settings: Settings) -> None:
    impatient = resolve(
        overrides=[f"serving.url={settings.serving.url!r}", "promote.lock_wait_seconds=0.2"], environment={}
    )
    with (
        locks.hold(root.promotion_lock, who="promotion of run A", wait_seconds=0),
        pytest.raises(TransientError, match=rf"held by promotion of run A \(process {os.getpid()}\)"),
    ):
        do_promote(root, impatient, "new")
    assert not Ledger(root.ledger).events()
    do_promote(root, impatient, "new")
    assert served(root) == [1]


def test_two_promotions_at_once_take_turns(root: Root, settings: Settings) -> None:
    order: list[str] = []

    def slow() -> None:
        with locks.hold(root.promotion_lock, who="slow", wait_seconds=5):
            order.append("slow begins")
            time.sleep(0.3)
            order.append("slow ends")

    thread = threading.Thread(target=slow)
    thread.start()
    while not order:
        time.sleep(0.01)
    with locks.hold(root.promotion_lock, who="quick", wait_seconds=5):
        order.append("quick")
    thread.join()
    assert order == ["slow begins", "slow ends", "quick"]


def test_a_lock_dies_with_its_holder(root: Root) -> None:
    path = root.path / "some.lock"
    child = os.fork()
    if child == 0:
        handle = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(handle, fcntl.LOCK_EX)
        (root.path / "held").touch()
        time.sleep(60)
    while not (root.path / "held").exists():
        time.sleep(0.01)
    assert locks.is_held(path)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert not locks.is_held(path)
    with locks.hold(path, who="next", wait_seconds=0):
        pass


def test_a_torn_line_is_ignored_and_overwritten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append("rejected", run_id="a")
    with ledger.path.open("ab") as file:
        file.write(b'{"event": "rejec')
    assert [event["run_id"] for event in ledger.events()] == ["a"]
    ledger.append("rejected", run_id="b")
    assert [event["run_id"] for event in ledger.events()] == ["a", "b"]
    assert ledger.path.read_bytes().count(b"\n") == 2


def test_an_edited_ledger_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append("rejected", run_id="a")
    ledger.path.write_text(ledger.path.read_text() + "not json\n")
    with pytest.raises(FinalError, match=r"ledger\.jsonl: line 2 is not an entry"):
        ledger.events()


def test_a_verdict_is_stale_when_another_version_serves_than_it_was_compared_with(
    root: Root, settings: Settings
) -> None:
    for text in ("one", "two"):
        released(root, settings, text)
    before = Ledger(root.ledger).events()
    with pytest.raises(FinalError, match=r"stale: version 1 served.* answers with version 2 now"):
        do_promote(root, settings, served=1)
    assert Ledger(root.ledger).events() == before
    assert not root.version(MODEL, 3).exists()
    do_promote(root, settings, served=2)
    assert root.version(MODEL, 3).is_dir()
