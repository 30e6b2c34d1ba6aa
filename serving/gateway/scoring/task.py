"""What the gateway and the process that scores one file tell each other, as lines of JSON."""

from __future__ import annotations

import json
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
    """

    directory: str
    ending: str
    wish: Wish
    url: str
    model: str
    timeout: float

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


@dataclass(frozen=True)
class Result(JsonLine):
    """What became of a task.

    Attributes:
        status: The HTTP status.
        text: What went wrong; "" at 200.
        version: The version that gave every score; 0 when there are none.
        money: What the list costs and brings (`ListMoney.as_dict`); None when nothing is said in money.
        log: What the operator should know; it holds nothing of the file.
    """

    status: int
    text: str = ""
    version: int = 0
    money: dict[str, Any] | None = None
    log: str = ""

    @staticmethod
    def is_one(line: bytes) -> bool:
        """Whether a line that a process wrote is its result."""
        return line.startswith(b'{"status":')
