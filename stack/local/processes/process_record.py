"""The record of the processes that `make up` started: enough to find and end exactly those."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from ml.storage.files import write_json
from stack.local.processes.process import Process


@dataclass(frozen=True)
class ProcessRecord:
    """What `make up` started.

    Attributes:
        processes: The processes.
        ui_port: The port of Airflow's UI and API.
        serving_port: The port of the model server.
        gateway_port: The port of the gateway; 0 in a record of a stack that had none.
    """

    processes: tuple[Process, ...]
    ui_port: int
    serving_port: int
    gateway_port: int = 0

    def write(self, file: Path) -> None:
        """Write the record to a file, whole or not at all."""
        write_json(file, dataclasses.asdict(self))

    @classmethod
    def read(cls, file: Path) -> ProcessRecord | None:
        """The record in a file, or None when nothing was started or everything was stopped."""
        try:
            content = json.loads(file.read_bytes())
        except FileNotFoundError:
            return None
        processes = tuple(Process(**process) for process in content.pop("processes"))
        return cls(processes=processes, **content)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports on which it listens."""
        return tuple(port for port in (self.ui_port, self.serving_port, self.gateway_port) if port)

    def alive(self) -> list[Process]:
        """The processes that still run."""
        return [process for process in self.processes if process.is_alive()]
