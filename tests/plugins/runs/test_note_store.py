"""Writing the note of a run beside a scheduler that has its transaction open, on SQLite and on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from retraining.runs.note_store import AUTHOR, write_note
from tests.postgresql import needs_postgresql, postgresql_server

DATABASES = ["sqlite", pytest.param("postgresql", marks=needs_postgresql)]
RUN = "manual__2026-11-23T00:00:00+00:00"
SENTENCE = "Rejected: AUC is 0.8100, below 0.85."


@pytest.fixture(scope="module", params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An engine on a database with Airflow's tables."""
    from airflow.models import import_all_models
    from airflow.models.base import Base

    import_all_models()  # type: ignore[no-untyped-call]
    with postgresql_server() if request.param == "postgresql" else nullcontext() as socket:
        file = tmp_path_factory.mktemp("airflow") / "airflow.db"
        url = f"postgresql+psycopg2://airflow@/postgres?host={socket}" if socket else f"sqlite:///{file}"
        engine = create_engine(url, connect_args={} if socket else {"timeout": 0.5})
        if not socket:
            with engine.connect() as connection:
                connection.execute(text("PRAGMA journal_mode=WAL"))  # as Airflow sets it; the file remembers it
        Base.metadata.create_all(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def number(engine: Any) -> int:
    """The id of a new run that has no note."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType

    with Session(engine) as session:
        session.execute(text("DELETE FROM dag_run_note"))
        session.execute(text("DELETE FROM dag_run"))
        run = DagRun(dag_id="customer_retraining", run_id=RUN, run_type=DagRunType.MANUAL, run_after=datetime.now(UTC))
        session.add(run)
        session.commit()
        return int(run.id)


def row_lock(session: Any, number: int) -> Any:
    """The run, as a scheduler takes it: locked against other schedulers until the end of its transaction."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.sqlalchemy import with_row_locks
    from sqlalchemy import select

    query = with_row_locks(select(DagRun).where(DagRun.id == number), of=DagRun, session=session, skip_locked=True)
    return session.scalars(query).one()


def notes(engine: Any) -> list[tuple[str, str | None]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT content, user_id FROM dag_run_note"))]


def write_as(engine: Any, number: int, author: str | None, content: str) -> None:
    from airflow.models.dagrun import DagRunNote

    with Session(engine) as session:
        note = DagRunNote(content, author)  # type: ignore[no-untyped-call]
        note.dag_run_id = number
        session.add(note)
        session.commit()


def test_the_note_is_part_of_the_schedulers_transaction(engine: Any, number: int) -> None:
    from airflow.utils.sqlalchemy import prohibit_commit

    with Session(engine) as session, prohibit_commit(session) as guard:  # type: ignore[no-untyped-call]
        run = row_lock(session, number)
        run.state = "failed"
        assert write_note(run, SENTENCE)
        guard.commit()
    assert notes(engine) == [(SENTENCE, AUTHOR)]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT state FROM dag_run")).scalar_one() == "failed"


def test_a_run_without_a_session_gets_its_note_by_a_connection_of_its_own(
    engine: Any, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow import settings
    from airflow.models.dagrun import DagRun

    monkeypatch.setattr(settings, "get_engine", lambda: engine)
    with Session(engine) as session:
        run = session.get(DagRun, number)
        assert run is not None
        session.commit()  # expires it: from now on nothing of it can be loaded
    assert write_note(run, SENTENCE)
    assert notes(engine) == [(SENTENCE, AUTHOR)]


def test_a_later_outcome_replaces_the_earlier(engine: Any, number: int) -> None:
    write_as(engine, number, AUTHOR, "Failed at ingest: Kaggle answered 503.")
    with Session(engine) as session:
        assert write_note(row_lock(session, number), SENTENCE)
        session.commit()
    assert notes(engine) == [(SENTENCE, AUTHOR)]


@pytest.mark.parametrize("author", ["admin", None])
def test_the_note_of_a_person_stays(engine: Any, number: int, author: str | None) -> None:
    write_as(engine, number, author, "With the new seed.")
    with Session(engine) as session:
        assert not write_note(row_lock(session, number), SENTENCE)
        session.commit()
    assert notes(engine) == [("With the new seed.", author)]


def test_a_note_in_the_same_request_stays(engine: Any, number: int) -> None:
    with Session(engine) as session:
        run = row_lock(session, number)
        run.note = ("Stopped by me.", "admin")
        assert not write_note(run, SENTENCE)
        session.commit()
    assert notes(engine) == [("Stopped by me.", "admin")]


def test_a_locked_database_costs_the_note_and_nothing_else(engine: Any, number: int) -> None:
    """Somebody writes a note to the same run, or anything on SQLite, and takes long to commit."""
    from airflow.models.dagrun import DagRunNote

    with Session(engine) as other, Session(engine) as session:
        run = row_lock(session, number)
        note = DagRunNote("With the new seed.", "admin")  # type: ignore[no-untyped-call]
        note.dag_run_id = number
        other.add(note)
        other.flush()
        began = time.monotonic()
        assert not write_note(run, SENTENCE)
        assert time.monotonic() - began < 10
        other.commit()
        run.state = "failed"
        if engine.dialect.name == "postgresql":
            assert session.execute(text("SHOW lock_timeout")).scalar_one() == "0", "as before"
        session.commit()
    assert notes(engine) == [("With the new seed.", "admin")]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT state FROM dag_run")).scalar_one() == "failed"


def test_a_database_that_is_gone_costs_the_note_alone(engine: Any, number: int, tmp_path: Path) -> None:
    from airflow.models.dagrun import DagRun

    with Session(engine) as session:
        run = session.get(DagRun, number)
        assert run is not None
        session.expunge(run)
    empty = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow.settings.get_engine", lambda: empty)
        assert not write_note(run, SENTENCE)
    empty.dispose()
