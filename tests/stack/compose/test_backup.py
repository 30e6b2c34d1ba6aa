"""`make backup` and `make restore` on a real PostgreSQL and real files; only `docker` is played by a script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ml.storage.root import PROJECT
from tests.airflow_home import variables
from tests.postgresql import BINARIES, needs_postgresql, postgresql_server

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CONNECTIONS = "CREATE TABLE connection (password text, is_encrypted boolean, extra text, is_extra_encrypted boolean)"
VARIABLES = "CREATE TABLE variable (val text, is_encrypted boolean)"
pytestmark = needs_postgresql


def _encrypted(word: str) -> str:
    return Fernet(KEY).encrypt(word.encode()).decode()


class Stack:
    """A database, a volume, and the scripts that save and restore both."""

    def __init__(self, directory: Path, socket: Path) -> None:
        self.root, self.calls = directory / "volume", directory / "calls"
        tools = directory / "bin"
        tools.mkdir()
        (tools / "docker").symlink_to(Path(__file__).with_name("stand_in_docker.sh"))
        (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # with Airflow, as in the image
        (tools / "python").chmod(0o755)
        self.environment = os.environ | {"PATH": f"{tools}:{BINARIES}:{os.environ['PATH']}", "PGHOST": str(socket)}
        self.environment |= {"RETRAIN_ROOT": str(self.root), "CALLS": str(self.calls)}
        self.environment |= variables(directory / "airflow") | {"AIRFLOW__CORE__FERNET_KEY": KEY}
        self.fill("old")

    def fill(self, word: str) -> None:
        """Database and files say `word`."""
        self.sql("postgres", "DROP DATABASE IF EXISTS airflow", "CREATE DATABASE airflow")
        self.sql("airflow", "CREATE TABLE dag_run (word text)", f"INSERT INTO dag_run VALUES ('{word}')")
        self.sql("airflow", CONNECTIONS, VARIABLES, f"INSERT INTO variable VALUES ('{_encrypted(word)}', true)")
        shutil.rmtree(self.root, ignore_errors=True)
        for name in ("models/customer-model/1/model", "runs/a/train/result", "ledger.jsonl"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(word)

    def sql(self, database: str, *commands: str) -> str:
        """What psql prints."""
        options = [f"--command={command}" for command in commands]
        psql: list[str] = [str(BINARIES / "psql"), "-qAt", "--username=airflow", f"--dbname={database}", *options]
        return subprocess.run(psql, env=self.environment, capture_output=True, text=True, check=True, timeout=60).stdout

    def script(self, name: str, directory: Path) -> subprocess.CompletedProcess[str]:
        """Runs one of the scripts in stack/compose on a directory."""
        self.calls.write_text("")
        command = [PROJECT / "stack/compose" / f"{name}.sh", directory]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def state(self) -> dict[str, str]:
        """Path -> content, and the content of the database."""
        files = {str(p.relative_to(self.root)): p.read_text() for p in self.root.rglob("*") if p.is_file()}
        files.pop("promotion.lock", None)
        databases = self.sql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'airflow%'").split()
        return files | {f"database {name}": self.sql(name, "SELECT word FROM dag_run").strip() for name in databases}


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    """The directory of the socket of a server of its own."""
    with postgresql_server() as directory:
        yield directory


@pytest.fixture
def stack(tmp_path: Path, socket: Path) -> Stack:
    return Stack(tmp_path, socket)


@pytest.fixture
def saved(stack: Stack, tmp_path: Path) -> Path:
    """A backup of what says `old`, while the stack already says `new`."""
    done = stack.script("backup", tmp_path / "saved")
    assert done.returncode == 0, done.stderr
    stack.fill("new")
    (stack.root / "runs" / "b").mkdir()
    (stack.root / "runs" / "b" / "later").write_text("new")
    return tmp_path / "saved"


def test_a_restore_leaves_what_was_saved_and_nothing_else(stack: Stack, saved: Path) -> None:
    done = stack.script("restore", saved)
    assert done.returncode == 0, done.stderr
    state = stack.state()
    assert state == dict.fromkeys(state, "old")
    assert set(state) == {"models/customer-model/1/model", "runs/a/train/result", "ledger.jsonl", "database airflow"}
    assert stack.script("restore", saved).returncode == 0, "and once more"
    assert stack.state() == state


def _seal(directory: Path, *names: str) -> None:
    sums = subprocess.run(["sha256sum", *names], cwd=directory, capture_output=True, text=True, check=True).stdout
    (directory / "SHA256SUMS").write_text(sums)


def _foreign(directory: Path) -> None:
    (directory / "holiday.jpg").write_text("a picture")
    _seal(directory, "holiday.jpg")


def _foreign_files(directory: Path) -> None:
    (directory / "holiday.jpg").write_text("a picture")
    subprocess.run(["tar", "-czf", "retraining.tar.gz", "./holiday.jpg"], cwd=directory, check=True)
    _seal(directory, "database.dump", "retraining.tar.gz")


def _foreign_database(directory: Path) -> None:
    (directory / "database.dump").write_text("no dump")
    _seal(directory, "database.dump", "retraining.tar.gz")


def _damaged(directory: Path) -> None:
    (directory / "database.dump").write_bytes((directory / "database.dump").read_bytes()[:-100])


@pytest.mark.parametrize("spoil", [_foreign, _foreign_files, _foreign_database, _damaged])
def test_what_is_not_a_backup_changes_nothing(stack: Stack, saved: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(saved)
    before = stack.state()
    done = stack.script("restore", saved)
    assert done.returncode == 2
    assert "Nothing was changed" in done.stderr
    assert stack.state() == before
    assert " stop " not in stack.calls.read_text()


def test_a_truncated_dump_changes_nothing(stack: Stack, saved: Path) -> None:
    dump = saved / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-30])
    _seal(saved, "database.dump", "retraining.tar.gz")
    before = stack.state()
    assert stack.script("restore", saved).returncode != 0
    stack.sql("postgres", "DROP DATABASE IF EXISTS airflow_restored")
    shutil.rmtree(stack.root / ".restored", ignore_errors=True)
    assert stack.state() == before
    assert " stop " not in stack.calls.read_text()


def test_another_fernet_key_changes_nothing(stack: Stack, saved: Path) -> None:
    before = stack.state()
    stack.environment["AIRFLOW__CORE__FERNET_KEY"] = (
        f"{Fernet.generate_key().decode()},{Fernet.generate_key().decode()}"
    )
    done = stack.script("restore", saved)
    assert done.returncode == 2
    assert "secrets/fernet_key" in done.stderr
    stack.sql("postgres", "DROP DATABASE airflow_restored")
    shutil.rmtree(stack.root / ".restored")
    assert stack.state() == before
    assert " stop " not in stack.calls.read_text()
    stack.environment["AIRFLOW__CORE__FERNET_KEY"] += f",{KEY}"  # after a rotation it is one of several
    assert stack.script("restore", saved).returncode == 0


def test_a_backup_while_a_run_writes_is_consistent(stack: Stack, tmp_path: Path) -> None:
    over = threading.Event()
    making = stack.root / "runs" / "a" / ".evaluate.making"
    making.mkdir()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            with (stack.root / "runs" / "a" / "log").open("ab" if number % 40 else "wb") as log:
                log.write(os.urandom(1 << 16))
            (making / f"{number % 50}").write_bytes(b"half")
            (making / f"{(number + 25) % 50}").unlink(missing_ok=True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = [stack.script("backup", tmp_path / f"saved{number}") for number in range(2)]
    finally:
        over.set()
        writer.join()
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    archive = tmp_path / "saved0" / "retraining.tar.gz"
    names = subprocess.run(["tar", "-tzf", archive], capture_output=True, text=True, check=True).stdout.split()
    assert "./runs/a/train/result" in names
    assert not [name for name in names if "making" in name or name.endswith(".lock")]
