"""The record of what `make up` started: enough to end exactly that, and to find it again."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from ml.storage.files import write_json
from stack.local.processes.process import Process


@dataclass(frozen=True)
class Running:
    """Processes and the ports on which they listen."""

    processes: tuple[Process, ...]
    ui_port: int
    serving_port: int

    def write(self, file: Path) -> None:
        """Write the record, whole or not at all."""
        write_json(file, dataclasses.asdict(self))

    @classmethod
    def read(cls, file: Path) -> Running | None:
        """The record; None when nothing was started, or it was all stopped."""
        try:
            content = json.loads(file.read_bytes())
        except FileNotFoundError:
            return None
        processes = tuple(Process(**process) for process in content.pop("processes"))
        return cls(processes=processes, **content)

    def alive(self) -> list[Process]:
        """Those that still run."""
        return [process for process in self.processes if process.is_alive()]
