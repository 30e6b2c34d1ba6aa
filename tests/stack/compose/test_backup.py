"""`make backup` and `make restore` on a real PostgreSQL and real files; only `docker` is played by a script."""

from __future__ import annotations

import json
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
FILES = ("models/customer-model/1/model", "runs/a/train/result", "ledger.jsonl", "performance.json", "monitoring/state")
"""What the steps and the monitoring write."""
PRIVATE = ("record/a.jsonl", "record/b.parquet", "outcomes/a.outcomes", "lists/x/kept.json")
"""What the gateway writes of customers, for its owner alone."""
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
        for name in (*FILES, *PRIVATE):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(word)
        for name in PRIVATE:
            (self.root / name).chmod(0o600)
            (self.root / name.partition("/")[0]).chmod(0o700)

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
    assert set(state) == {*FILES, *PRIVATE, "database airflow"}
    assert stack.script("restore", saved).returncode == 0, "and once more"
    assert stack.state() == state


def test_what_the_gateway_keeps_for_its_owner_alone_stays_so(stack: Stack, saved: Path) -> None:
    assert stack.script("restore", saved).returncode == 0
    for name in PRIVATE:
        assert (stack.root / name).stat().st_mode & 0o777 == 0o600, name
        assert (stack.root / name.partition("/")[0]).stat().st_mode & 0o777 == 0o700, name
    assert (saved / "retraining.tar.gz").stat().st_mode & 0o077 == 0, "nor is the backup for others"


def test_what_came_of_customers_after_the_backup_is_gone_after_the_restore(stack: Stack, saved: Path) -> None:
    (stack.root / "outcomes" / "later.outcomes").write_text("new")
    assert stack.script("restore", saved).returncode == 0
    assert not (stack.root / "outcomes" / "later.outcomes").exists()


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


def test_a_backup_while_the_gateway_writes_has_every_row_that_was_there_before(stack: Stack, tmp_path: Path) -> None:
    """The gateway's own code writes: journals become Parquet meanwhile, and each outcome is a file."""
    for name in ("record", "outcomes"):
        shutil.rmtree(stack.root / name)
    command: list[str | Path] = [ML_PYTHON, "-c", WRITER, str(stack.root)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        try:
            before = int(writer.stdout.readline())
            done = stack.script("backup", tmp_path / "saved")
            assert writer.poll() is None
        finally:
            writer.kill()
    assert done.returncode == 0, done.stderr
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    archive = tmp_path / "saved" / "retraining.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", unpacked], check=True)
    names = [path.name for path in unpacked.rglob("*")]
    assert not [name for name in names if name.endswith((".part", ".tmp", ".lock"))]
    read = subprocess.run(
        [ML_PYTHON, "-c", READER, str(unpacked)], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    rows, outcomes, unreadable = json.loads(read.stdout)
    assert rows[:before] == [*range(1, before + 1)], "each once, and none is missing"
    assert outcomes[:before] == rows[:before]
    assert unreadable <= 1, "the line that was being written"


ML_PYTHON = PROJECT / ".venv-ml" / "bin" / "python"
WRITER = """
import itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from serving.records.journal import Journal
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep
from serving.records.private_files import private_directory
from serving.records.record_directory import settle
from serving.records.row import RecordedRow

root = Path(sys.argv[1])
record, outcomes = (private_directory(root / name, name) for name in ("record", "outcomes"))
numbers = itertools.count(1)
for file in itertools.count():
    journal = Journal(record, datetime.now(UTC))
    for n in itertools.islice(numbers, 20):
        row = RecordedRow(datetime.now(UTC).isoformat(), "r", n, "m", "1", 0.5, "D", features={"Age": float(n)})
        journal.append(row.line())
        keep(outcomes, [Outcome("r", n, label="D", date="2026-11-20")], by="b", request_id="r", now=datetime.now(UTC))
    if file % 2:
        journal.close()
        settle(record)
    if file == 6:
        print(n, flush=True)
"""
READER = """
import json, sys
from pathlib import Path
from serving.records.outcome_files import read_outcomes
from serving.records.record_directory import Unreadable, read_record

unreadable, root = Unreadable(), Path(sys.argv[1])
rows = sorted(row.row for row in read_record(root / "record", unreadable))
outcomes = sorted(one.outcome.row for one in read_outcomes(root / "outcomes", unreadable))
print(json.dumps([rows, outcomes, unreadable.lines + unreadable.files]))
"""
