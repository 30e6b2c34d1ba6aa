"""Takes uploads of outcomes, whoever sends them: what is taken is on the disk for good."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from serving.gateway.outcomes.label_words import NoLabelsError, label_words
from serving.gateway.outcomes.outcome_rows import OutcomeRows, OutcomesError
from serving.gateway.outcomes.read_workbook import ROWS, UPLOAD, WorkbookTask, numbered_rows
from serving.gateway.outcomes.upload import Row, json_rows, table_rows
from serving.gateway.scoring import process
from serving.gateway.scoring.spool import Spool
from serving.gateway.version_watch import VersionWatch
from serving.records.outcome_files import keep
from serving.tables.file_kind import WORKBOOKS

MOST_BYTES = 2 << 20
UNKNOWN = "It is not known whether the outcomes were kept. Send them again: none is counted twice."
_AT_ONCE = 2
_MOST_WAITING = 8
_END_SECONDS = 10.0
_READER = "serving.gateway.outcomes.read_workbook"
_WORKBOOK_SECONDS = 60.0
_OFF = "This gateway keeps no outcomes. Start it with --outcomes DIRECTORY."
_log = logging.getLogger(__name__)
T = TypeVar("T")


class RefusedUploadError(Exception):
    """An upload is not taken, and nothing of it is kept; the message says why.

    Attributes:
        status: The HTTP status that says so.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Sender:
    """Who sends an upload, and with what.

    Attributes:
        name: The name of the token; "-" without one.
        request_id: The identifier of the request.
        most_told: How many wrong rows are told one by one.
    """

    name: str
    request_id: str
    most_told: int = 10


@dataclass(frozen=True)
class Taken:
    """What became of an upload.

    Attributes:
        outcomes: How many rows have an outcome.
        without_outcome: How many rows say nothing yet.
        file: The name of the file that has them.
        was_there_already: Whether it had them already: the same upload came before.
    """

    outcomes: int
    without_outcome: int
    file: str
    was_there_already: bool


class OutcomeUploads:
    """Takes them. It belongs to the event loop's thread.

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
        self._tasks: set[asyncio.Future[Taken]] = set()
        # Threads of its own: a disk that hangs holds up outcomes and nothing else.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "outcomes")
        self._reading = asyncio.Semaphore(_AT_ONCE)

    @property
    def are_taken(self) -> bool:
        """Whether the gateway was started with a directory for them."""
        return self._directory is not None

    def words(self) -> tuple[str, str]:
        """The two words that an outcome may have, that of a target customer first.

        Raises:
            NoLabelsError: They are not known.
        """
        return label_words(self._versions.of(self._model), self._labels)

    def check_size(self, size: int) -> Path:
        """Makes sure that an upload of so many bytes may be taken; returns where outcomes are kept.

        Raises:
            RefusedUploadError: None are taken, or it is too large.
        """
        if self._directory is None:
            raise RefusedUploadError(404, _OFF)
        if size > MOST_BYTES:
            raise RefusedUploadError(
                413, f"Outcomes of more than {MOST_BYTES} bytes are not taken. Send them in several requests."
            )
        return self._directory

    async def take(self, body: bytes, sender: Sender, *, is_json: bool = False) -> Taken:
        """Keeps the outcomes of an upload, all or none; on return they are on the disk for good.

        Whoever cancels this does not end it: the rows may be kept all the same.

        Args:
            body: A CSV or a workbook.
            sender: Who sends it.
            is_json: It is JSON lines instead.

        Raises:
            RefusedUploadError: It is not taken; nothing of it is kept.
        """
        directory = self.check_size(len(body))
        if len(self._tasks) >= _AT_ONCE + _MOST_WAITING:
            raise RefusedUploadError(503, "Too many uploads are in work. Try again.")
        task = asyncio.get_running_loop().create_task(self._take(directory, body, sender, is_json=is_json))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Waits for what is in work, for ten seconds at most."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_END_SECONDS)
            for task in late:
                task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, task: asyncio.Task[Taken]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked for it may be gone

    async def _take(self, directory: Path, body: bytes, sender: Sender, *, is_json: bool) -> Taken:
        try:
            if is_json:
                return await self._keep(directory, json_rows(body), sender)
            temporary = await self._in_thread(self._spool.new_directory)
            try:
                path = temporary / UPLOAD
                await self._in_thread(path.write_bytes, body)
                rows = await self._workbook_rows(temporary) if body.startswith(WORKBOOKS) else table_rows(path)
                return await self._keep(directory, rows, sender)
            finally:
                await self._in_thread(partial(shutil.rmtree, temporary, ignore_errors=True))
        except NoLabelsError as error:
            raise RefusedUploadError(503, str(error)) from error
        except OutcomesError as error:
            raise RefusedUploadError(422, str(error)) from error
        except OSError as error:
            why = error.strerror or error
            raise RefusedUploadError(
                507, f"The outcomes cannot be kept ({why}). Send them again later: none is counted twice."
            ) from error

    async def _workbook_rows(self, temporary: Path) -> Iterable[Row]:
        try:
            async with self._reading, asyncio.timeout(_WORKBOOK_SECONDS):
                result = await process.run(_READER, WorkbookTask(str(temporary)).line())
        except TimeoutError:
            raise RefusedUploadError(504, "Reading the workbook took too long and was ended. Send a CSV.") from None
        if result.log:
            _log.error("outcomes: %s", result.log)
        if result.status != 200:
            text = result.text if result.status < 500 else "The workbook cannot be read. Send a CSV."
            raise RefusedUploadError(result.status, text)
        return numbered_rows(temporary / ROWS)

    async def _keep(self, directory: Path, rows: Iterable[Row], sender: Sender) -> Taken:
        return await self._in_thread(self._keep_now, directory, rows, self._versions.of(self._model), sender)

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    def _keep_now(self, directory: Path, given: Iterable[Row], version: str, sender: Sender) -> Taken:
        now = datetime.now(UTC)
        rows = OutcomeRows(label_words(version, self._labels), now, sender.most_told)
        outcomes = rows.read(given)
        kept = keep(directory, outcomes, by=sender.name, request_id=sender.request_id, now=now)
        with_label = sum(outcome.label is not None for outcome in outcomes)
        return Taken(with_label, len(outcomes) - with_label, kept.name, kept.is_repeated)
