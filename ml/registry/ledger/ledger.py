"""The append-only record of every version: intent -> published -> confirmed | withdrawn, and what was not promoted.

A rollback writes `rollback` before its first step, and `restored` when a server has confirmed a version that had been
confirmed before; a version that came about otherwise is `adopted`. One JSON object a line. A line is written by one
system call and flushed before anything acts on it; one that a crash cut short is not JSON, was never acknowledged, and
is dropped by the next writer. Each line carries the hash of the one before it (`chain`). Writers hold the promotion
lock; readers need none.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.registry.ledger.chain import (
    HEAD_IS_LOST,
    Chain,
    Fault,
    Head,
    Parse,
    checked_chain,
    line_sha256,
    links,
    vouching,
)
from ml.registry.ledger.entries import (
    ADOPTED,
    CHAINED,
    CONFIRMED,
    INTENT,
    PUBLISHED,
    SEALED,
    WITHDRAWN,
    parsed_entry,
)
from ml.registry.ledger.file import append_line, note_head, noted_head, read_lines
from ml.registry.policy.hold import Hold, standing_hold
from ml.registry.policy.quarantine import quarantine_of
from ml.storage.strict_json import without_nan

SHOWN_FAULTS = 3


class LedgerChangedError(FinalError):
    """The chain of the ledger's lines is broken; `faults` says where."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        super().__init__(
            f"{path}: {'; '.join(map(str, faults[:SHOWN_FAULTS]))}{more}.",
            "Restore ledger.jsonl and ledger.head from a backup. If the change was yours, or none is left, say why: "
            "python -m ml ledger accept --reason '...'. Until then nothing is promoted; rollback goes on.",
        )
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Version:
    """What the ledger says of one version: its `state` (the last event) and the intent it began with.

    `has_served` says whether it ever was the champion, whatever became of it, and `quarantined` whether its bytes are.
    """

    number: int
    state: str
    run_id: str
    intent: dict[str, Any]
    last: dict[str, Any]
    has_served: bool = False
    quarantined: bool = False

    @property
    def pending(self) -> bool:
        """Whether the version was begun, and neither accepted nor withdrawn, nor is about to be withdrawn."""
        return self.state in (INTENT, PUBLISHED) and not self.accepted and not self.quarantined

    @property
    def accepted(self) -> bool:
        """Whether the version may be the champion: a server confirmed it, or its bytes when they were another version.

        A published rollback counts: going back must not depend on the answer of a server. Quarantined bytes never do,
        under whatever number.
        """
        return not self.quarantined and _serves(self.state, self.intent)

    @property
    def record_sha256(self) -> str:
        """The hash of the release record; "" when nobody has noted one yet."""
        return str(self.intent.get("record_sha256", ""))


class Ledger:
    """Reads and appends to `ledger.jsonl`.

    In an `emergency` it appends although the chain is broken: for what takes a version out of service or goes back to
    one, and for the repair itself. The break stays where it is, for `ledger verify` to name. Who reads it again and
    again may `parse` a line only once.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        emergency: bool = False,
        parse: Parse = parsed_entry,
    ) -> None:
        self.path = path
        self._clock = clock
        self._emergency = emergency
        self._parse = parse

    def events(self) -> list[dict[str, Any]]:
        """Return all acknowledged events, oldest first.

        Raises:
            FinalError: A line is not an entry of a ledger.
        """
        return list(self._parsed(read_lines(self.path)))

    def chain(self) -> Chain:
        """Return what the chain says of the ledger; nothing is written."""
        noted = noted_head(self.path)  # first: a writer that comes in between makes the ledger the younger one
        return checked_chain(read_lines(self.path), noted, self._parse)

    def require_unchanged(self) -> None:
        """Check the chain.

        Raises:
            LedgerChangedError: A line was changed, removed, moved or inserted.
        """
        if faults := self.chain().faults:
            raise LedgerChangedError(self.path, faults)

    def append(self, event: str, *, run_id: str, **facts: Any) -> dict[str, Any]:
        """Append one event and return it; it is on the disk by then.

        In a ledger of older code, whose lines carry no hashes, an entry that chains them comes first, once.

        Raises:
            LedgerChangedError: A line was changed, removed, moved or inserted, and this is no emergency.
        """
        noted, lines = noted_head(self.path), read_lines(self.path)
        chain = checked_chain(lines, noted)
        if chain.faults and not self._emergency:
            raise LedgerChangedError(self.path, chain.faults)
        if lines and not chain.begins:
            self._write(self._entry(CHAINED, "chain", vouching(lines)), lines, noted)
            noted, lines = noted_head(self.path), read_lines(self.path)
        # A lost head is a break, too, and stays for people to see; only who accepts it notes a new one.
        return self._write(self._entry(event, run_id, facts), lines, noted, keeps_head=HEAD_IS_LOST not in chain.faults)

    def accept(self, reason: str) -> Chain:
        """Vouch for the lines as they are, although the chain is broken, and return what it said before.

        Raises:
            FinalError: A line is not an entry; nobody could go on with it.
        """
        lines, chain = read_lines(self.path), self.chain()
        self.events()
        facts = vouching(lines) | {"reason": reason, "faults": [str(fault) for fault in chain.faults]}
        self._write(self._entry(CHAINED, "chain", facts), lines)
        return chain

    def _entry(self, event: str, run_id: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        at = self._clock().isoformat(timespec="seconds")
        return {"event": event, "at": at, "run_id": run_id, "who": _who(), **facts}

    def _write(
        self, facts: Mapping[str, Any], lines: Sequence[bytes], noted: Head | None = None, *, keeps_head: bool = True
    ) -> dict[str, Any]:
        entry: dict[str, Any] = without_nan({**facts, **links(lines, noted)})
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode(errors="backslashreplace")
        parsed_entry(line)  # what could not be read again must not be written
        append_line(self.path, line)
        if keeps_head:
            note_head(self.path, Head(len(lines) + 1, line_sha256(line)))
        return entry

    def versions(self) -> dict[int, Version]:
        """Return every version that was ever begun, by its number."""
        found: dict[int, Version] = {}
        events = self.events()
        for event in events:
            number = event.get("version", 0)
            if event["event"] in (INTENT, ADOPTED):
                state = INTENT if event["event"] == INTENT else CONFIRMED
                found[number] = Version(number, state, event["run_id"], event, event)
            elif event["event"] in (PUBLISHED, CONFIRMED, WITHDRAWN) and number in found:
                begun = found[number]
                served = begun.has_served or _serves(begun.state, begun.intent)
                found[number] = Version(number, event["event"], begun.run_id, begun.intent, event, served)
            elif event["event"] == SEALED:
                for key, sha256 in event["records"].items():
                    if sealed := found.get(int(key)):
                        found[int(key)] = replace(sealed, intent={**sealed.intent, "record_sha256": sha256})
        quarantined = quarantine_of(events).models
        return {
            number: replace(
                version,
                has_served=version.has_served or _serves(version.state, version.intent),
                quarantined=version.intent["model_sha256"] in quarantined,
            )
            for number, version in found.items()
        }

    def champion(self) -> Version | None:
        """Return the version that should be serving: the highest one that was confirmed or gone back to."""
        accepted = [version for version in self.versions().values() if version.accepted]
        return max(accepted, key=lambda version: version.number, default=None)

    def hold(self) -> Hold | None:
        """Return the hold that stands now, in which nothing is promoted by itself; None without one."""
        return standing_hold(self.events(), now=self._clock())

    def pending(self) -> list[Version]:
        """Return the versions that were begun and neither accepted nor withdrawn."""
        return [version for version in self.versions().values() if version.pending]

    def of_run(self, run_id: str) -> Version | None:
        """Return the last version that this run began."""
        return next((v for v in reversed(list(self.versions().values())) if v.run_id == run_id), None)

    def _parsed(self, lines: list[bytes]) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines, start=1):
            try:
                event = self._parse(line)
            except ValueError as error:
                raise FinalError(
                    f"{self.path}: line {number} is not an entry ({error}).",
                    "The ledger was edited: restore the file from a backup, or correct that line.",
                ) from error
            yield event


def _serves(state: str, intent: Mapping[str, Any]) -> bool:
    return state == CONFIRMED or (state == PUBLISHED and "rollback_of" in intent)


def _who() -> str:
    try:
        return os.environ.get("RETRAIN_WHO") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"uid {os.getuid()}"
