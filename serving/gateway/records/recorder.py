"""Hands what is to be recorded to a process of its own; what finds no room is dropped, and no answer waits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import sys
import time
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote

from serving.gateway.records.frames import Frame, Passed, ScoredFile, StatusAsk, packed
from serving.gateway.records.options import RecordOptions
from serving.gateway.records.scored_lines import read_pieces

MOST_WAITING_BYTES = 8 << 20
"""How much may wait in the gateway's memory for the process that writes."""
_GATHERED_SECONDS = 0.02
_AGAIN_SECONDS = 5.0
_END_SECONDS = 10.0
_PREDICT = re.compile(r"/v1/models/([^/:?#]+)(?:/versions/([0-9]{1,19})|(/labels/[^/:?#]+))?:predict", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Recorder:
    """Records requests with their answers. It belongs to the event loop's thread.

    Args:
        options: What is recorded.
    """

    def __init__(self, options: RecordOptions) -> None:
        self.options = options
        self._process: asyncio.subprocess.Process | None = None
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._handing_over: asyncio.TimerHandle | None = None
        self._dropped = 0
        self._earlier: dict[str, int] = {}
        self._told: dict[str, Any] = {}
        self._handed_over = 0
        self._ending = False

    def wants(self, request_id: str) -> bool:
        """Whether a request is one of the sample: its identifier alone decides."""
        if self.options.share >= 1:
            return True
        found = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
        return int.from_bytes(found) < self.options.share * 2**64

    def heard(self, model: str, asked_at: float, version: int | None) -> None:
        """Records what an ask for a status told."""
        self._put(StatusAsk(model, asked_at, time.monotonic(), version))

    def passed(
        self, request_id: str, target: str, sent_at: float, request: bytes, answer: bytes, *, gzipped: bool
    ) -> None:
        """Records a request that was answered well, if it is one for predictions and of the sample.

        Args:
            request_id: Its identifier.
            target: Its target.
            sent_at: When it was sent on, on the clock of `time.monotonic`.
            request: Its body.
            answer: That of the answer.
            gzipped: Whether the request's body is compressed.
        """
        found = _PREDICT.fullmatch(target.partition("?")[0].partition("#")[0])
        if found is None or not self.wants(request_id):
            return
        if len(request) + len(answer) > MOST_WAITING_BYTES:
            self._dropped += 1
            return
        version = int(found[2]) if found[2] else 0 if found[3] else None
        now = time.monotonic()
        self._put(Passed(request_id, unquote(found[1]), version, sent_at, now, time.time(), gzipped, request, answer))

    def scored(self, pieces: bytes) -> None:
        """Records a file that was scored, as a whole or not at all: half of one would be no sample.

        Args:
            pieces: Its rows, as `scored_lines.write_pieces` writes them.
        """
        if self._process is None or self._waiting_bytes() + len(pieces) > MOST_WAITING_BYTES:
            self.drop()
            return
        lines = [*read_pieces(pieces)]
        for number, piece in enumerate(lines, start=1):
            self._put(ScoredFile(piece, is_last=number == len(lines)))

    def drop(self) -> None:
        """Counts a request that is not recorded, since there is no room, or no time."""
        self._dropped += 1

    def counts(self) -> dict[str, Any]:
        """What became of the record, for the health page; it holds nothing of customers."""
        counts = {
            name: self._earlier.get(name, 0) + self._told.get(name, 0)
            for name in ("written", "dropped_rows", "dropped_requests")
        }
        counts["dropped_requests"] += self._dropped
        state = "writing" if self._process is not None else "stopped"
        return {**counts, "bytes": self._told.get("bytes", 0), "state": self._told.get("trouble") or state}

    async def run(self) -> None:
        """Keeps a process that writes, until `close`."""
        while not self._ending:
            try:
                await self._write_once()
            except OSError as error:
                _log.error("nothing is recorded: the process that writes did not start (%s)", error.strerror)
            if not self._ending:
                _log.error("the process that records ended; another one follows in %g s", _AGAIN_SECONDS)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def close(self) -> None:
        """Lets the process write what it has, for ten seconds at most."""
        self._ending = True
        process = self._process
        if process is None:
            return
        self._hand_over()
        cast(asyncio.StreamWriter, process.stdin).close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            _log.error("the process that records was too slow to end, and was killed; what it had not written is lost")
            with suppress(ProcessLookupError):
                process.kill()

    async def _write_once(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "serving.gateway.records.writer", self.options.line().decode().strip()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it might hold values of customers
        )
        stdin, stdout = cast(asyncio.StreamWriter, process.stdin), cast(asyncio.StreamReader, process.stdout)
        self._process = process
        try:
            while line := await stdout.readline():
                self._told = json.loads(line)
            await process.wait()
        finally:
            self._process = None
            # What a killed one wrote without telling is counted as dropped, too: at most that of half a second.
            self._dropped += self._handed_over - self._told.get("taken", 0)
            self._handed_over = 0
            for name in ("written", "dropped_rows", "dropped_requests"):
                self._earlier[name] = self._earlier.get(name, 0) + self._told.get(name, 0)
            self._told = {"bytes": self._told.get("bytes", 0)}
            stdin.close()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await asyncio.shield(process.wait())

    def _put(self, frame: Frame) -> None:
        data = packed(frame)
        is_one = isinstance(frame, Passed) or (isinstance(frame, ScoredFile) and frame.is_last)
        is_part = isinstance(frame, ScoredFile)  # there is room for the whole file
        if self._process is None or (not is_part and self._waiting_bytes() + len(data) > MOST_WAITING_BYTES):
            self._dropped += is_one
            return
        self._handed_over += is_one
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        if self._handing_over is None:
            self._handing_over = asyncio.get_running_loop().call_later(_GATHERED_SECONDS, self._hand_over)

    def _waiting_bytes(self) -> int:
        process = self._process
        if process is None:
            return 0
        transport = cast(asyncio.StreamWriter, process.stdin).transport
        return self._gathered_bytes + transport.get_write_buffer_size()

    def _hand_over(self) -> None:
        if self._handing_over is not None:
            self._handing_over.cancel()
        self._handing_over = None
        gathered, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if self._process is not None and gathered:
            stdin = cast(asyncio.StreamWriter, self._process.stdin)
            if not stdin.is_closing():
                stdin.write(b"".join(gathered))
