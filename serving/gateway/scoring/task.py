"""What the gateway and the process that scores one file tell each other, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from serving.gateway.scoring.wish import Wish

TOO_MUCH_MEMORY = "The file takes more memory than there is for one. Send it as CSV, or send fewer rows."


@dataclass(frozen=True)
class JsonLine:
    """What the gateway and its processes tell each other: a dataclass as a line of JSON."""

    def line(self) -> bytes:
        """Itself as a line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Reads a line.

        Raises:
            ValueError, TypeError: It is none.
        """
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Task(JsonLine):
    """A file to score.

    Attributes:
        directory: Where it is, and where the scored one goes.
        ending: Those of both names.
        wish: What is wanted of it.
        url: The model server.
        model: The model.
        timeout: Seconds for one request to the server.
        request_id: The identifier of the request, by which the list is known when it comes back.
        record_without: The columns that are left out of the record of the file; None when there is to be none.
    """

    directory: str
    ending: str
    wish: Wish
    url: str
    model: str
    timeout: float
    request_id: str
    record_without: Sequence[str] | None = None

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Reads a line."""
        content = json.loads(line)
        return cls(**content | {"wish": Wish(**content["wish"])})

    @property
    def given(self) -> str:
        """The name of the file, by which messages call it."""
        return f"customers{self.ending}"

    @property
    def scored(self) -> str:
        """The name of the scored file."""
        return f"scored{self.ending}"

    @property
    def recorded(self) -> str:
        """The name of the record (`serving.gateway.records.scored_lines`)."""
        return "recorded"


@dataclass(frozen=True)
class Result(JsonLine):
    """What became of a task.

    Attributes:
        status: The HTTP status.
        text: What went wrong; "" at 200.
        version: The version that gave every score; 0 when there are none.
        money: What the list costs and brings (`ListMoney.as_dict`); None when nothing is said in money.
        listed: What lots decided (`DrawnList.as_dict`); None when there is no list.
        log: What the operator should know; it holds nothing of the file.
    """

    status: int
    text: str = ""
    version: int = 0
    money: dict[str, Any] | None = None
    listed: dict[str, Any] | None = None
    log: str = ""

    @staticmethod
    def is_one(line: bytes) -> bool:
        """Whether a line that a process wrote is its result."""
        return line.startswith(b'{"status":')
