"""All files that people have sent to the page, and the lists that they keep."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from serving.gateway.page.choice import Choice
from serving.gateway.page.kept_lists import KeptList, KeptLists
from serving.gateway.page.open_list import DONE, OpenList, ending_of
from serving.gateway.page.work.tasks import WriteTask
from serving.gateway.scoring import process
from serving.gateway.scoring.pool import AT_ONCE, MOST_ANSWER_BYTES, MOST_WAITING, ScorePool
from serving.gateway.scoring.task import Result

_MOST_OPEN = 32
_MOST_OF_ONE = 12
_MOST_IN_WORK = AT_ONCE + MOST_WAITING
_MOST_IN_WORK_OF_ONE = _MOST_IN_WORK // 2
_WRITER = "serving.gateway.page.work.write_list"
_LONGEST_NAME = 100
_SWEEP_SECONDS = 10.0
_UNKNOWN_SECONDS = 20.0
"""A page asks for its list at once; of one that did not, it never heard: it was closed while it sent the file."""
_log = logging.getLogger(__name__)


class NoSuchListError(Exception):
    """There is no such list, or it is somebody else's."""


class TooManyListsError(Exception):
    """No more files are taken now."""


class Lists:
    """The lists. They belong to the event loop's thread.

    Args:
        pool: Where files wait for their turns.
        kept: The lists that are kept.
        unused_seconds: After how long an open list goes that nobody asks for.
        now: A clock in seconds.
    """

    def __init__(
        self, pool: ScorePool, kept: KeptLists, unused_seconds: float, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.kept = kept
        self.unused_seconds = unused_seconds
        self._pool, self._now = pool, now
        self._has_session: Callable[[str], bool] = lambda _session: True
        self._open: dict[str, OpenList] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._writing = asyncio.Semaphore(AT_ONCE)

    async def begin(self, owner: str, session: str, name: str, body: bytes) -> OpenList:
        """Takes a file and has it scored. Of an owner with many lists that goes which was not used for longest.

        Args:
            owner: Whose it is.
            session: In which it is sent; "" without one.
            name: What its sender calls it.
            body: The file.

        Raises:
            TooManyListsError: There are too many already.
            OSError: No file can be written.
        """
        own = [each for each in self._open.values() if each.owner == owner]
        if len(own) >= _MOST_OF_ONE and (over := [each for each in own if each.is_over]):
            await self.leave(owner, min(over, key=lambda each: each.used_at).id)
        in_work = [each for each in self._open.values() if not each.is_over]
        of_one = sum(each.owner == owner for each in in_work)
        if session and of_one >= _MOST_IN_WORK_OF_ONE:  # others shall have their turns, too
            raise TooManyListsError(f"{of_one} of your files are in work. Wait for one of them, or cancel one.")
        if self._pool.is_full or len(in_work) >= _MOST_IN_WORK or len(self._open) >= _MOST_OPEN:
            raise TooManyListsError(
                "Too many files are open here. Close a page that you do not need, or try again later."
            )
        directory = self._pool.scorer.spool.new_directory()
        name = "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME] or "customers"
        found = OpenList(secrets.token_hex(16), owner, name, ending_of(body), directory, self._now(), session=session)
        self._open[found.id] = found
        found.begin(self._pool, body)
        return found

    def find(self, owner: str, list_id: str) -> OpenList:
        """A list of an owner that is open, or kept.

        Raises:
            NoSuchListError: There is none.
        """
        found = self._open.get(list_id)
        if found is not None and found.owner == owner:
            found.used_at, found.is_known = self._now(), True
            return found
        kept = self.kept.find(owner, list_id)
        if kept is None:
            raise NoSuchListError
        about, directory = kept
        found = OpenList(about.id, owner, about.name, about.ending, directory, self._now())
        found.step = type(found.step)(DONE)
        return found

    async def leave(self, owner: str, list_id: str) -> None:
        """Removes an open list; what is kept of it stays, also when it is only about to be kept."""
        found = self._open.get(list_id)
        if found is not None and found.owner == owner:
            del self._open[list_id]
            closing = asyncio.ensure_future(self._close(found))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            if found.keeping is None:
                await asyncio.shield(closing)  # a browser that is gone before the answer leaves no files behind

    def watch(self, is_open: Callable[[str], bool]) -> None:
        """Has what was opened in a session go, some seconds after it is over.

        Args:
            is_open: Whether a session is not.
        """
        self._has_session = is_open

    async def end_session(self, session: str) -> None:
        """Removes what was opened in a session; what is kept stays."""
        for found in [each for each in self._open.values() if each.session == session]:
            await self.leave(found.owner, found.id)

    async def remove(self, owner: str, list_id: str) -> None:
        """Removes a list, also what is kept of it.

        Raises:
            NoSuchListError: There is none.
        """
        await self.find(owner, list_id).stop_keeping()
        await self.leave(owner, list_id)
        await asyncio.to_thread(self.kept.remove, owner, list_id)

    async def keep(self, owner: str, list_id: str) -> KeptList:
        """Keeps a list, once all of it is found; it is kept even if its page is left before that.

        Raises:
            NoSuchListError: There is none, or it failed.
            CannotKeepError: It cannot be written.
        """
        found = self.find(owner, list_id)
        if found.keeping is None:
            found.keeping = asyncio.get_running_loop().create_task(self._keep(found))
        try:
            return await asyncio.shield(found.keeping)
        finally:
            if found.keeping is not None and found.keeping.done():
                found.keeping = None

    async def do_not_keep(self, owner: str, list_id: str) -> None:
        """Removes what is kept of a list."""
        open_one = self._open.get(list_id)
        if open_one is not None and open_one.owner == owner:
            await open_one.stop_keeping()
        await asyncio.to_thread(self.kept.remove, owner, list_id)

    async def _keep(self, found: OpenList) -> KeptList:
        await self._is_done(found)
        facts = (await found.found()).facts
        about = KeptList(
            *(found.id, found.owner, found.name, found.ending), facts.customers, facts.version, kept_at=time.time()
        )
        copying = asyncio.ensure_future(asyncio.to_thread(self.kept.keep, about, found.directory))
        try:
            await asyncio.shield(copying)
        except asyncio.CancelledError:
            await asyncio.wait([copying])  # whoever does not want it any more removes it after this
            raise
        return about

    async def _close(self, found: OpenList) -> None:
        if found.keeping is not None:
            await asyncio.wait([found.keeping])
        await found.close()

    async def write(self, found: OpenList, name: str, choice: Choice, economics: dict[str, object] | None) -> bytes:
        """The file of a list, with all its reasons.

        Args:
            found: The list.
            name: The name of the file; its ending decides the format.
            choice: How many customers, and which lots are drawn.
            economics: What was reckoned with.

        Raises:
            NoSuchListError: It failed, or went away.
            WriteError: It cannot be written.
        """
        await self._is_done(found)
        # A writer that is killed leaves files behind: they go with a directory of their own.
        directory = await asyncio.to_thread(self._pool.scorer.spool.new_directory)
        path = directory / name
        kept = await asyncio.to_thread(self.kept.find, found.owner, found.id)
        task = WriteTask(
            *(str(found.directory), str(path), choice.count, economics, choice.explore, choice.control),
            kept=str(kept[1].resolve()) if kept else "",
        )
        try:
            async with self._writing, asyncio.timeout(self._pool.scorer.seconds):
                result = await process.run(_WRITER, task.line())
            if result.log:
                _log.error("list: %s", result.log)
            if result.status != 200:
                raise WriteError(replace(result, text=result.text.replace(f"{directory}/", "")))
            return await asyncio.to_thread(_read, path)
        except TimeoutError:
            raise WriteError(
                Result(504, "Writing the file took too long and was ended. Choose a shorter list.")
            ) from None
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def run(self) -> None:
        """Removes what nobody uses, until it is cancelled."""
        while True:
            await asyncio.to_thread(self.kept.remove_old)
            ends = self._now() + 3600
            while self._now() < ends:
                await asyncio.sleep(min(_SWEEP_SECONDS, self.unused_seconds / 4))
                for found in [*self._open.values()]:
                    unused = self._now() - found.used_at
                    is_old = found.is_over and unused > self.unused_seconds
                    is_old |= bool(found.session) and not self._has_session(found.session)
                    if is_old or (not found.is_known and unused > min(_UNKNOWN_SECONDS, self.unused_seconds)):
                        await self.leave(found.owner, found.id)

    async def close(self) -> None:
        """Ends what is in work, and removes what is open."""
        for found in [*self._open.values()]:
            await found.stop_keeping()
            await self.leave(found.owner, found.id)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _is_done(self, found: OpenList) -> None:
        if found.work is not None:
            await asyncio.wait([found.work])
        if found.step.state != DONE:
            raise NoSuchListError


class WriteError(Exception):
    """A list cannot be written.

    Attributes:
        result: Its status and text say why.
    """

    def __init__(self, result: Result) -> None:
        super().__init__(result.text)
        self.result = result


def _read(path: Path) -> bytes:
    if path.stat().st_size > MOST_ANSWER_BYTES:
        raise WriteError(Result(413, f"The file has more than {MOST_ANSWER_BYTES >> 20} MB. Choose a shorter list."))
    return path.read_bytes()
