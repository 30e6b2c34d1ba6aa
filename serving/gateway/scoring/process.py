"""A process beside the event loop that does one task. Its words are heard as they come."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
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
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # it might hold values of customers
        limit=_LONGEST_LINE,
    )
    stdin, stdout = cast(asyncio.StreamWriter, process.stdin), cast(asyncio.StreamReader, process.stdout)
    try:
        with suppress(ConnectionError):
            stdin.write(task)  # it stays open: its end tells that the gateway is gone
        while line := await stdout.readline():
            if Result.is_one(line):
                return Result.read(line)
            hear(line)
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
