"""A fault: its name, what should come of it, and what injects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ml.rehearsal.fact import Fact
from ml.rehearsal.worlds import Worlds


@dataclass(frozen=True)
class Fault:
    """A fault by its `name`, what `should` come of it, and the function that injects it and looks."""

    name: str
    should: str
    inject: Callable[[Worlds], list[Fact]]
