"""Scores files beside the event loop: few at once, each with a deadline, and nothing left of any."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from serving.gateway.records.recorder import MOST_WAITING_BYTES, Recorder
from serving.gateway.scoring import process
from serving.gateway.scoring.spool import Spool
from serving.gateway.scoring.task import Result, Task
from serving.gateway.scoring.wish import Wish

AT_ONCE = 2
MOST_WAITING = 8
MOST_ANSWER_BYTES = 64 << 20
_RECORD_SECONDS = 60.0
_END_SECONDS = 5.0
_WORKER = "serving.gateway.scoring.worker"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scorer:
    """What scores files.

    Attributes:
        spool: Where temporary files go.
        url: The model server.
        model: The model.
        timeout: Seconds for one request to the server.
        seconds: How long a file may take, waiting for its turn included.
    """

    spool: Spool
    url: str
    model: str
    timeout: float
    seconds: float


class ScorePool:
    """Scores files, each in a process of its own. It belongs to the event loop's thread.

    Args:
        scorer: What scores them.
        recorder: Takes the records of files that were scored for programs; None when there are none.

    Attributes:
        scorer: The same.
    """

    def __init__(self, scorer: Scorer, recorder: Recorder | None = None) -> None:
        self.scorer = scorer
        self._recorder = recorder
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._files = 0
        self._recording: set[asyncio.Task[None]] = set()

    @property
    def is_full(self) -> bool:
        """Whether no more files are taken now."""
        return self._files >= AT_ONCE + MOST_WAITING

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for the turn of one more file, and holds it as long as the block lasts."""
        self._files += 1
        try:
            async with self._turns:
                yield
        finally:
            self._files -= 1

    async def score(self, body: bytes, ending: str, wish: Wish, request_id: str) -> tuple[Result, bytes]:
        """The result for a file, and the scored file, empty unless the status is 200.

        A caller that is cancelled ends the process and leaves no file. The record of the file, if it is of the sample,
        is made by the same process afterwards; nobody waits for it.

        Args:
            body: The file.
            ending: That of its name.
            wish: What is wanted of it.
            request_id: For the log, and to name the list.
        """
        self._files += 1
        try:
            async with AsyncExitStack() as stack, asyncio.timeout(self.scorer.seconds):
                directory = self.scorer.spool.new_directory()
                stack.callback(shutil.rmtree, directory, ignore_errors=True)
                task = self._task(directory, ending, wish, request_id)
                await write_whole(directory / task.given, body)
                async with self._turns:
                    working = await stack.enter_async_context(process.started(_WORKER, task.line()))
                    result = await working.result()
                if result.log:
                    _log.error("%s: %s", request_id, result.log)
                if result.status != 200:
                    return result, b""
                result, scored = await asyncio.to_thread(_scored, result, directory / task.scored)
                if result.status == 200 and task.record_without is not None:
                    self._record(working, directory / task.recorded, stack.pop_all())
                return result, scored
        except TimeoutError:
            seconds = f"{self.scorer.seconds:g} seconds"
            return Result(504, f"Scoring took longer than {seconds} and was ended. Send fewer rows."), b""
        finally:
            self._files -= 1

    async def close(self) -> None:
        """Waits for records that are being made, for some seconds."""
        if self._recording:
            _, late = await asyncio.wait(self._recording, timeout=_END_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _task(self, directory: Path, ending: str, wish: Wish, request_id: str) -> Task:
        scorer, recorder = self.scorer, self._recorder
        is_recorded = recorder is not None and recorder.wants(request_id)
        without = recorder.options.without if recorder is not None and is_recorded else None
        return Task(str(directory), ending, wish, scorer.url, scorer.model, scorer.timeout, request_id, without)

    def _record(self, working: process.Process, path: Path, left: AsyncExitStack) -> None:
        """Has a record made, beside the answer; `left` ends its process and removes its files."""
        task = asyncio.get_running_loop().create_task(self._made(working, path, left))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def _made(self, working: process.Process, path: Path, left: AsyncExitStack) -> None:
        recorder = cast(Recorder, self._recorder)
        pieces = None
        try:
            async with left, asyncio.timeout(_RECORD_SECONDS):
                if len(self._recording) <= AT_ONCE and await working.ended_well():
                    pieces = await asyncio.to_thread(_pieces, path)
        except TimeoutError:
            _log.error("the record of a scored file took longer than %g seconds and was given up", _RECORD_SECONDS)
        finally:
            if pieces is None:
                recorder.drop()
            else:
                recorder.scored(pieces)


async def write_whole(path: Path, body: bytes) -> None:
    """Writes a file in a thread. After a cancellation nobody writes any more."""
    writing = asyncio.ensure_future(asyncio.to_thread(path.write_bytes, body))
    try:
        await asyncio.shield(writing)
    finally:
        await asyncio.wait([writing])  # else the file might be made after its directory was emptied


def _pieces(path: Path) -> bytes | None:
    """The record that was made; None when it is too large for the recorder."""
    return path.read_bytes() if path.stat().st_size <= MOST_WAITING_BYTES else None


def _scored(result: Result, path: Path) -> tuple[Result, bytes]:
    if path.stat().st_size > MOST_ANSWER_BYTES:
        return Result(413, f"The scored file is larger than {MOST_ANSWER_BYTES} bytes. Send fewer rows."), b""
    return result, path.read_bytes()
