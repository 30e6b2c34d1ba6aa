"""A file that somebody has sent to the page, from its arrival until she leaves."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from serving.gateway.page.kept_lists import KeptList
from serving.gateway.page.scored_list import ScoredList
from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.scored_file import ScoredFile
from serving.gateway.page.work.tasks import ScoreTask, Step
from serving.gateway.scoring import process
from serving.gateway.scoring.kinds import CSV, WORKBOOK
from serving.gateway.scoring.pool import ScorePool, write_whole
from serving.gateway.scoring.task import Result
from serving.tables.file_kind import WORKBOOKS

_WORKER = "serving.gateway.page.work.score_list"
WAITING, FAILED, EXPLAINING, DONE = "waiting", "failed", "explaining", "done"
_log = logging.getLogger(__name__)


@dataclass
class OpenList:
    """It belongs to the event loop's thread.

    Attributes:
        id: Its identifier, of 128 random bits.
        owner: Whose it is; nobody else's request sees it.
        name: The name of the file, as its sender calls it.
        ending: ".csv" or ".xlsx".
        directory: Where it stands.
        used_at: When it was last asked for, in seconds.
        session: In which it was opened; "" without one.
        step: What its process has come to.
        failure: Why there will be no list; None as long as there may be one.
        work: Has its process score it; None when that was done long ago.
        keeping: Keeps it, once its process has ended; None when nobody has just asked for that.
        is_known: Whether a page has ever asked for it.
    """

    id: str
    owner: str
    name: str
    ending: str
    directory: Path
    used_at: float
    session: str = ""
    step: Step = field(default_factory=lambda: Step(WAITING))
    failure: Result | None = None
    work: asyncio.Task[None] | None = None
    keeping: asyncio.Task[KeptList] | None = None
    is_known: bool = False
    _found: ScoredList | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether a list can be chosen."""
        return self.step.state in (EXPLAINING, DONE)

    @property
    def is_over(self) -> bool:
        """Whether its process has ended."""
        return self.work is None or self.work.done()

    async def facts(self) -> Facts | None:
        """What is known of it, as far as its process has come."""
        with suppress(FileNotFoundError):
            return await asyncio.to_thread(Facts.read, self.directory)
        return None

    async def found(self) -> ScoredList:
        """The ranked customers."""
        if self._found is None:
            self._found = await asyncio.to_thread(ScoredList.read, self.directory)
        return self._found

    def begin(self, pool: ScorePool, body: bytes) -> None:
        """Has a process score the file."""
        self.work = asyncio.get_running_loop().create_task(self._score(pool, body))

    async def stop_keeping(self) -> None:
        """Has it not be kept, if it is about to be."""
        if self.keeping is not None:
            self.keeping.cancel()
            await asyncio.gather(self.keeping, return_exceptions=True)
            self.keeping = None

    async def close(self) -> None:
        """Ends its process, and removes everything."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.gather(self.work, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)

    async def _score(self, pool: ScorePool, body: bytes) -> None:
        scorer = pool.scorer
        task = ScoreTask(str(self.directory), f"customers{self.ending}", scorer.url, scorer.model, scorer.timeout)
        try:
            await write_whole(self.directory / task.given, body)
            del body
            async with pool.turn(), asyncio.timeout(scorer.seconds):
                result = await process.run(_WORKER, task.line(), self._hear)
        except TimeoutError:
            result = Result(504, f"Scoring took longer than {scorer.seconds:g} seconds and was ended. Send fewer rows.")
        except OSError as error:
            result = Result(507, f"No temporary file can be written ({error.strerror}). Try again later.")
        if result.log:
            _log.error("list: %s", result.log)
        if result.status != 200 and self.step.state == EXPLAINING and await asyncio.to_thread(self._end_reasons, task):
            result = Result(200)  # the list is none the worse for it
        if result.status == 200:
            self.step = Step(DONE, self.step.of, self.step.of)
        else:
            text = result.text.replace(task.given, self.name)
            await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)
            self.step, self.failure = Step(FAILED), Result(result.status, text)

    def _end_reasons(self, task: ScoreTask) -> bool:
        """Says in the facts that no more reasons come; False when the files do not say what was ranked."""
        try:
            facts = Facts.read(self.directory)
            facts.explained = len(ScoredFile(self.directory).reasons())
            facts.why_not = f"Finding reasons was ended: the best {facts.explained:,} customers have some."
            if not facts.explained:
                facts.why_not = "Finding reasons was ended before any was found."
            facts.write(self.directory)
            (self.directory / task.given).unlink(missing_ok=True)
        except (OSError, ValueError, TypeError):
            return False
        return True

    def _hear(self, line: bytes) -> None:
        step = Step.read(line)
        if step.state != EXPLAINING:
            self._found = None  # another version may have begun again
        self.step = step


def ending_of(body: bytes) -> str:
    """The ending of a file by what it is, whatever its name says."""
    return WORKBOOK.ending if body.startswith(WORKBOOKS) else CSV.ending
