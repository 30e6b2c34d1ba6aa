"""Scores files beside the event loop: few at once, each with a deadline, and nothing left of any."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from serving.gateway.scoring import process
from serving.gateway.scoring.spool import Spool
from serving.gateway.scoring.task import Result, Task
from serving.gateway.scoring.wish import Wish

AT_ONCE = 2
MOST_WAITING = 8
MOST_ANSWER_BYTES = 64 << 20
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

    Attributes:
        scorer: The same.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._files = 0

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

        A caller that is cancelled ends the process and leaves no file.

        Args:
            body: The file.
            ending: That of its name.
            wish: What is wanted of it.
            request_id: For the log.
        """
        self._files += 1
        directory: Path | None = None
        try:
            directory = self.scorer.spool.new_directory()
            task = Task(str(directory), ending, wish, self.scorer.url, self.scorer.model, self.scorer.timeout)
            async with asyncio.timeout(self.scorer.seconds):
                await write_whole(directory / task.given, body)
                async with self._turns:
                    result = await process.run(_WORKER, task.line())
                if result.log:
                    _log.error("%s: %s", request_id, result.log)
                if result.status != 200:
                    return result, b""
                return await asyncio.to_thread(_scored, result, directory / task.scored)
        except TimeoutError:
            seconds = f"{self.scorer.seconds:g} seconds"
            return Result(504, f"Scoring took longer than {seconds} and was ended. Send fewer rows."), b""
        finally:
            self._files -= 1
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)


async def write_whole(path: Path, body: bytes) -> None:
    """Writes a file in a thread. After a cancellation nobody writes any more."""
    writing = asyncio.ensure_future(asyncio.to_thread(path.write_bytes, body))
    try:
        await asyncio.shield(writing)
    finally:
        await asyncio.wait([writing])  # else the file might be made after its directory was emptied


def _scored(result: Result, path: Path) -> tuple[Result, bytes]:
    if path.stat().st_size > MOST_ANSWER_BYTES:
        return Result(413, f"The scored file is larger than {MOST_ANSWER_BYTES} bytes. Send fewer rows."), b""
    return result, path.read_bytes()
