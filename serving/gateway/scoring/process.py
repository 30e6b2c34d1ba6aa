"""A process beside the event loop that does one task. Its words are heard as they come."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

from serving.gateway.scoring.task import TOO_MUCH_MEMORY, Result

_LONGEST_LINE = 8 << 20


async def run(module: str, task: bytes, hear: Callable[[bytes], None] = lambda _line: None) -> Result:
    """What became of a task; whoever cancels this ends the process.

    Args:
        module: What to run (`alone.do_task`).
        task: The task as a line.
        hear: Called with each line that the process writes before the result.
    """
    async with started(module, task) as process:
        return await process.result(hear)


@asynccontextmanager
async def started(module: str, task: bytes) -> AsyncIterator[Process]:
    """A process that does a task; it ends with the block.

    Args:
        module: As `run` takes it.
        task: The same.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # it might hold values of customers
        limit=_LONGEST_LINE,
    )
    stdin = cast(asyncio.StreamWriter, process.stdin)
    try:
        with suppress(ConnectionError):
            stdin.write(task)  # it stays open: its end tells that the gateway is gone
        yield Process(process)
    finally:
        stdin.close()
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


class Process:
    """A process that does a task.

    Args:
        process: The process.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def result(self, hear: Callable[[bytes], None] = lambda _line: None) -> Result:
        """What became of the task; `hear` as `run` takes it."""
        stdout = cast(asyncio.StreamReader, self._process.stdout)
        while line := await stdout.readline():
            if Result.is_one(line):
                return Result.read(line)
            hear(line)
        status = await self._process.wait()
        # Memory that is refused to a library not written in Python ends the process.
        if status < 0:
            return Result(413, TOO_MUCH_MEMORY, log=f"the process that scored was ended by signal {-status}")
        return Result(500, "Scoring failed; the gateway's log says more.", log=f"the process ended with {status}")

    async def ended_well(self) -> bool:
        """Whether it also did what it does after its result; waits for that."""
        return await self._process.wait() == 0
