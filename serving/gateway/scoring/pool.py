"""Scores files beside the event loop: few at once, each with a deadline, and nothing left of any."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from serving.gateway.scoring.spool import Spool
from serving.gateway.scoring.task import TOO_MUCH_MEMORY, Result, Task
from serving.gateway.scoring.wish import Wish

AT_ONCE = 2
MOST_WAITING = 8
MOST_ANSWER_BYTES = 64 << 20
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
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._files = 0

    @property
    def is_full(self) -> bool:
        """Whether no more files are taken now."""
        return self._files >= AT_ONCE + MOST_WAITING

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
            directory = self._scorer.spool.new_directory()
            task = Task(str(directory), ending, wish, self._scorer.url, self._scorer.model, self._scorer.timeout)
            async with asyncio.timeout(self._scorer.seconds):
                await _write(directory / task.given, body)
                async with self._turns:
                    result = await _run(task)
                if result.log:
                    _log.error("%s: %s", request_id, result.log)
                if result.status != 200:
                    return result, b""
                return await asyncio.to_thread(_scored, result, directory / task.scored)
        except TimeoutError:
            seconds = f"{self._scorer.seconds:g} seconds"
            return Result(504, f"Scoring took longer than {seconds} and was ended. Send fewer rows."), b""
        finally:
            self._files -= 1
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)


async def _write(path: Path, body: bytes) -> None:
    writing = asyncio.ensure_future(asyncio.to_thread(path.write_bytes, body))
    try:
        await asyncio.shield(writing)
    finally:
        await asyncio.wait([writing])  # else the file might be made after its directory was emptied


async def _run(task: Task) -> Result:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serving.gateway.scoring.worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # it might hold values of customers
    )
    stdin, stdout = cast(asyncio.StreamWriter, process.stdin), cast(asyncio.StreamReader, process.stdout)
    try:
        with suppress(ConnectionError):
            stdin.write(task.line())  # it stays open: its end tells that the gateway is gone
        line = await stdout.readline()
        if line:
            return Result.of(line)
        status = await process.wait()
        # Memory that is refused to a library not written in Python ends the process.
        if status < 0:
            return Result(413, TOO_MUCH_MEMORY, log=f"the process that scored was ended by signal {-status}")
        return Result(500, "Scoring failed; the gateway's log says more.", log=f"the process ended with {status}")
    finally:
        stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _scored(result: Result, path: Path) -> tuple[Result, bytes]:
    if path.stat().st_size > MOST_ANSWER_BYTES:
        return Result(413, f"The scored file is larger than {MOST_ANSWER_BYTES} bytes. Send fewer rows."), b""
    return result, path.read_bytes()
