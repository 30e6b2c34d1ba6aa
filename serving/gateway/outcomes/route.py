"""POST /v1/outcomes: answered 200 when the rows are on the disk for good, and not before."""

from __future__ import annotations

import asyncio
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from serving.gateway.headers import first
from serving.gateway.outcomes.label_words import NoLabelsError, label_words
from serving.gateway.outcomes.outcome_rows import OutcomeRows, OutcomesError
from serving.gateway.outcomes.upload import csv_rows, json_rows
from serving.gateway.replies import Reply
from serving.gateway.scoring.kinds import CSV, JSON_LINES, Kind, kind_of
from serving.gateway.scoring.spool import Spool
from serving.gateway.version_watch import VersionWatch
from serving.http.exchange import Exchange
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep

MOST_BYTES = 2 << 20
_AT_ONCE = 2
_MOST_WAITING = 8
_END_SECONDS = 10.0
_OFF = "This gateway keeps no outcomes. Start it with --outcomes DIRECTORY."


class OutcomesRoute:
    """Answers uploads of outcomes. It belongs to the event loop's thread.

    Args:
        directory: Where they are kept; None when none are taken.
        labels: The two words for an outcome; None when the version that answers has to tell them.
        versions: Knows which version answers.
        model: The model that they are about.
        spool: Where temporary files go.
    """

    def __init__(
        self,
        directory: Path | None,
        labels: tuple[str, str] | None,
        versions: VersionWatch,
        model: str,
        spool: Spool,
    ) -> None:
        self._directory = directory
        self._labels = labels
        self._versions = versions
        self._model = model
        self._spool = spool
        self._tasks: set[asyncio.Task[None]] = set()
        # Threads of its own: a disk that hangs holds up outcomes and nothing else.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "outcomes")

    def answer(self, exchange: Exchange, _target: str, reply: Reply) -> None:
        """Answers an upload, later."""
        if exchange.method != "POST":
            reply.error(405, "Send outcomes to /v1/outcomes with POST.", headers=b"Allow: POST\r\n")
            return
        if self._directory is None:
            reply.error(404, _OFF)
            return
        kind = kind_of(exchange.headers)
        if kind not in (CSV, JSON_LINES):
            reply.error(415, "Outcomes come as Content-Type: text/csv or application/x-ndjson.")
            return
        if (first(exchange.headers, b"content-encoding") or b"identity").strip().lower() != b"identity":
            reply.error(415, "The outcomes came compressed (Content-Encoding). Send them as they are.")
            return
        if len(exchange.body) > MOST_BYTES:
            reply.error(413, f"Outcomes of more than {MOST_BYTES} bytes are not taken. Send them in several requests.")
            return
        if len(self._tasks) >= _AT_ONCE + _MOST_WAITING:
            reply.error(503, "Too many uploads are in work. Try again.", headers=b"Retry-After: 5\r\n")
            return
        exchange.on_expire = lambda: reply.error(
            504, "It is not known whether the outcomes were kept. Send them again: none is counted twice."
        )
        task = asyncio.get_running_loop().create_task(self._keep(self._directory, kind, exchange.body, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Waits for what is in work, for ten seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _keep(self, directory: Path, kind: Kind | None, body: bytes, reply: Reply) -> None:
        version = self._versions.of(self._model)
        try:
            loop = asyncio.get_running_loop()
            told = await loop.run_in_executor(self._threads, self._kept, directory, kind, body, version, reply)
        except NoLabelsError as error:
            reply.error(503, str(error))
        except OutcomesError as error:
            reply.error(422, str(error))
        except OSError as error:
            why = error.strerror or error
            reply.error(507, f"The outcomes cannot be kept ({why}). Send them again later: none is counted twice.")
        else:
            reply.send(200, told)

    def _kept(self, directory: Path, kind: Kind | None, body: bytes, version: str, reply: Reply) -> bytes:
        now = datetime.now(UTC)
        rows = OutcomeRows(label_words(version, self._labels), now)
        outcomes = rows.read(json_rows(body)) if kind == JSON_LINES else self._of_csv(rows, body)
        kept = keep(directory, outcomes, by=reply.asked_by, request_id=reply.request_id, now=now)
        with_label = sum(outcome.label is not None for outcome in outcomes)
        told = {
            "outcomes": with_label,
            "without_outcome": len(outcomes) - with_label,
            "file": kept.name,
            "was_there_already": kept.is_repeated,
        }
        return json.dumps(told).encode()

    def _of_csv(self, rows: OutcomeRows, body: bytes) -> list[Outcome]:
        temporary = self._spool.new_directory()
        try:
            path = temporary / "upload.csv"
            path.write_bytes(body)
            return rows.read(csv_rows(path))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
