"""What somebody or something else put in the place of a file of ours: an error with a cure, or nothing at all."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.config.settings import Settings, resolve
from ml.errors import FinalError, NothingToDoError, SettingsError, TransientError
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import Registry
from ml.registry.retention import clean_up
from ml.storage import files, locks
from ml.storage.files import disk_errors
from ml.storage.root import Root
from tests.ml.light_world import MODEL, RUN, command, do_confirm, do_promote, released, stand_in


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EIO, TransientError, "kernel's log"),
        (errno.EMFILE, TransientError, "ulimit -n"),
        (errno.ENOLCK, FinalError, "takes no locks"),
        (errno.EXDEV, FinalError, "one file system"),
        (errno.EISDIR, FinalError, "where a file belongs"),
        (errno.ELOOP, FinalError, "remove it"),
    ],
)
def test_errors_of_a_file_system_have_a_cure(number: int, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match="step x of run r: ") as error, disk_errors("step x of run r"):
        raise OSError(number, os.strerror(number), "some/file")
    assert words in str(error.value)
    assert "some/file" in str(error.value)


def test_a_disk_that_fails_to_read_is_named(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    root.ledger.symlink_to("/proc/self/mem")  # whose first byte answers EIO
    assert command(root, "status")[0] == 1
    assert "Input/output error" in caplog.text


def test_a_ledger_that_is_a_pipe_is_named_and_not_waited_for(root: Root, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(root.ledger)
    assert command(root, "status")[0] == 2
    assert command(root, "rollback", "--reason", "x")[0] == 2
    assert caplog.text.count("ledger.jsonl is not a") == 2
    assert "restore the ledger from a backup" in caplog.text


def test_too_many_open_files_are_named(root: Root, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    released(root, settings, "one")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        code, _ = command(root, "history")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert code == 1
    assert "Too many open files" in caplog.text


def test_a_file_system_without_locks_is_named(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(FinalError, match=r"promotion\.lock.*takes no locks"),
        disk_errors("x"),
        locks.hold(root.promotion_lock, who="x", wait_seconds=0),
    ):
        pass


@pytest.mark.parametrize("name", ["loop.csv", "a\0b", "n" * 5000, "../x", "dangling.csv"])
def test_a_name_in_the_inbox_that_leads_nowhere(root: Root, name: str) -> None:
    root.inbox.mkdir()
    (root.inbox / "loop.csv").symlink_to("loop.csv")
    (root.inbox / "dangling.csv").symlink_to("nowhere")
    with pytest.raises(SettingsError, match="no such file in"):
        root.inbox_entry(name)


def as_file(path: Path) -> None:
    path.touch()


def as_link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def as_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [as_file, as_link_to_nowhere, as_link_to_itself])
def test_a_champion_that_is_not_a_directory_is_given_up(
    root: Root, settings: Settings, make: Callable[[Path], None]
) -> None:
    for text in ("one", "two"):
        released(root, settings, text)
    files.remove_directory(root.version(MODEL, 2), root.trash)
    make(root.version(MODEL, 2))
    assert rollback(root, settings, target=None, reason="r").number == 1
    assert Ledger(root.ledger).versions()[2].state == WITHDRAWN
    assert not os.path.lexists(root.version(MODEL, 2))
    assert os.path.lexists(root.withdrawn / "2")


@pytest.mark.parametrize("make", [as_file, as_link_to_nowhere, as_link_to_itself])
def test_retention_passes_what_is_not_a_directory(root: Root, settings: Settings, make: Callable[[Path], None]) -> None:
    released(root, settings, "one")
    for place in (root.runs / "odd", root.withdrawn / "5", root.withdrawn / "odd"):
        place.parent.mkdir(exist_ok=True)
        make(place)
    clean_up(root, settings)
    clean_up(root, resolve(overrides=["keep.runs=1", "keep.versions=2", "keep.days=0"], environment={}))
    assert released(root, settings, "two") == 2


@pytest.mark.parametrize("name", ["trash", "staging"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_stands_where_things_are_deleted_is_named_and_never_followed(
    root: Root, settings: Settings, name: str, kind: str
) -> None:
    released(root, settings, "one")
    precious = root.path / "precious"
    precious.mkdir()
    (precious / "letter").touch()
    place = root.path / name
    place.rmdir()
    if kind == "file":
        place.touch()
    else:
        place.symlink_to(precious)
    with pytest.raises(FinalError, match=f"{name}: is (not a directory|a symbolic link)") as error:
        do_promote(root, settings, "two")
    assert "Remove it" in error.value.cure
    assert (precious / "letter").exists()
    place.unlink()
    do_promote(root, settings, "two")
    do_confirm(root, settings)


def test_nothing_is_withdrawn_through_a_link(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    do_promote(root, settings, "two")
    (root.path / "elsewhere").mkdir()
    root.withdrawn.symlink_to(root.path / "elsewhere")
    with pytest.raises(FinalError, match="withdrawn: is a symbolic link"):
        rollback(root, settings, target=None, reason="r")
    assert list((root.path / "elsewhere").iterdir()) == []
    root.withdrawn.unlink()
    with pytest.raises(NothingToDoError, match="Version 1 serves since a rollback already"):
        rollback(root, settings, target=None, reason="r")
    assert (root.withdrawn / "2").is_dir()


def test_a_link_in_the_trash_is_removed_and_not_followed(root: Root, settings: Settings) -> None:
    released(root, settings, "one")
    (root.path / "precious").mkdir()
    (root.path / "precious" / "letter").touch()
    (root.trash / "link").symlink_to(root.path / "precious")
    (root.trash / "file").touch()
    files.remove_directory(root.path / "nothing", root.trash)
    assert list(root.trash.iterdir()) == []
    assert (root.path / "precious" / "letter").exists()


def test_a_lock_that_is_a_link_is_not_written_through(root: Root, settings: Settings) -> None:
    precious = root.path / "precious"
    precious.write_text("a letter")
    root.promotion_lock.symlink_to(precious)
    with pytest.raises(FinalError, match=r"promotion\.lock: is a symbolic link"):
        released(root, settings, "one")
    assert precious.read_text() == "a letter"


def test_new_directories_and_both_ends_of_a_move_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def recording(handle: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", recording)
    root = Root.find(str(tmp_path / "new" / "root"))
    with stand_in(root) as settings:
        do_promote(root, settings, "one")
        made = (tmp_path, tmp_path / "new", root.path, root.models, root.models / MODEL, root.path / "releases")
        assert {str(path) for path in made} <= set(flushed)
        flushed.clear()
        registry = Registry(root, MODEL)
        registry.withdraw(registry.ledger.versions()[1], "r")
        assert {str(root.models / MODEL), str(root.withdrawn), str(root.path)} <= set(flushed)
        assert root.run(RUN).exists()
