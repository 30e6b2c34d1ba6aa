"""What the gateway tells the processes that work for the page, and what they tell while they work: lines of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.gateway.scoring.task import JsonLine

MOST_ROWS = 250_000
"""So many rows may a file for the page have; the command takes any number."""
MOST_EXPLAINED = 1000
"""For so many of the best customers there are reasons: about 300 a second are explained."""


@dataclass(frozen=True)
class ScoreTask(JsonLine):
    """A file to check, score, rank and explain.

    Attributes:
        directory: Where it is, and where everything goes.
        given: Its name there.
        url: The model server.
        model: The model.
        timeout: Seconds for one request to the server.
    """

    directory: str
    given: str
    url: str
    model: str
    timeout: float


@dataclass(frozen=True)
class WriteTask(JsonLine):
    """A list to write.

    Attributes:
        directory: That of the scored file.
        name: The name of the written file in it; its ending decides the format.
        count: How many of the best.
        economics: Value, cost, budget and currency, by which it was chosen; None without money.
        explore: The share of the places for customers from outside the cut, 0 to 1.
        control: The share that is left alone, 0 to 1.
        kept: The directory in which the list is kept, where the record of it goes; "" when it is not kept.
    """

    directory: str
    name: str
    count: int
    economics: Mapping[str, Any] | None
    explore: float = 0.0
    control: float = 0.0
    kept: str = ""


@dataclass(frozen=True)
class Step(JsonLine):
    """What a process has come to.

    Attributes:
        state: "reading", "scoring", "explaining" or "done".
        done: How many customers of this step are done.
        of: How many there are; 0 when that is not known yet.
    """

    state: str
    done: int = 0
    of: int = 0
