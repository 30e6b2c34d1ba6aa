"""Writes the note of a run into Airflow's database, beside whatever its scheduler is doing there.

A task cannot do it (the execution API has no such call), and the public API would need somebody's credentials. So it is
done by who decides that the run has ended: the scheduler, or the API server when a person marks the run.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import object_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.models.dagrun import DagRun
    from sqlalchemy import Connection

log = logging.getLogger(__name__)
AUTHOR = "retraining"
"""Who the note is by. One by anybody else, or without an author, is a person's and stays as it is."""
LOCK_MILLISECONDS = 500
"""How long PostgreSQL may wait for somebody who writes the same note: less than the second after which it looks for a
deadlock, so that in one this side gives way. SQLite waits five seconds at most, as for anything else."""


def write_note(dag_run: DagRun, note: str) -> bool:
    """Write the note unless there is one by a person, and say whether it was written.

    The transaction that the scheduler has open is used: a second connection would wait for it in vain on SQLite. Under
    `airflow dags test` the run belongs to no session; then a connection of its own does it. A database that refuses
    costs the note and nothing else: that is logged.
    """
    from airflow import settings

    number: int = inspect(dag_run).identity[0]  # without asking for it: detached, it could not be loaded
    session = object_session(dag_run)
    try:
        if session is None:
            with settings.get_engine().begin() as connection:  # type: ignore[no-untyped-call]
                return _write(connection, number, note)
        if _has_unsaved_note(session, dag_run):
            return False
        return _write(session.connection(), number, note)
    except SQLAlchemyError as error:
        log.warning("run %s: its note could not be written (%s): %s", dag_run.run_id, type(error).__name__, note)
        return False


def _write(connection: Connection, number: int, note: str) -> bool:
    from airflow.models.dagrun import DagRunNote

    table: Any = DagRunNote.__table__
    here = table.c.dag_run_id == number
    with _alone(connection):
        author = connection.execute(select(table.c.user_id).where(here)).first()
        now = datetime.now(UTC)
        if author is None:
            row = {"dag_run_id": number, "content": note, "user_id": AUTHOR, "created_at": now, "updated_at": now}
            connection.execute(table.insert().values(row))
            return True
        mine = here & (table.c.user_id == AUTHOR)  # also in the statement: a person may be faster
        return bool(connection.execute(table.update().where(mine).values(content=note, updated_at=now)).rowcount)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Let a statement that fails undo nothing but the block, and PostgreSQL wait for no lock for long.

    SQLite needs nothing: there a statement that fails undoes itself. A savepoint would even do harm, as it begins a
    transaction whose read lock stays, so that neither the caller nor whoever is in the way can write any more.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    before = connection.execute(text("SHOW lock_timeout")).scalar_one()
    set_locally = text("SELECT set_config('lock_timeout', :value, true)")
    with connection.begin_nested():
        connection.execute(set_locally, {"value": f"{LOCK_MILLISECONDS}ms"})
        yield
        connection.execute(set_locally, {"value": before})  # after a failure the savepoint has it


def _has_unsaved_note(session: Any, dag_run: DagRun) -> bool:
    """Return whether a person's note is on its way in this very session: marked and noted in one request."""
    from airflow.models.dagrun import DagRunNote

    return any(isinstance(one, DagRunNote) and one.dag_run is dag_run for one in (*session.new, *session.dirty))
