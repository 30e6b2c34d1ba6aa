"""One version of a model on its way through life, and the requests that keep it loaded."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from serving.models.saved_model import Servable

State = Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]


class Version:
    """A version number, its state, and, while it is loaded, its servable.

    Attributes:
        model: the name of the model.
        number: the version's number.
        path: its directory.
        state: as TensorFlow Serving's GetModelStatus has it.
        error_code: "OK", or why it ended.
        error_message: the text that belongs to the code.
    """

    def __init__(self, model: str, number: int, path: Path) -> None:
        self.model = model
        self.number = number
        self.path = path
        self.state: State = "START"
        self.error_code = "OK"
        self.error_message = ""
        self._servable: Servable | None = None
        self._users = 0
        self._idle = threading.Condition()

    @property
    def servable(self) -> Servable:
        """What was loaded; only while the version is acquired."""
        if self._servable is None:
            raise RuntimeError(f"version {self.number} of {self.model} is not loaded")
        return self._servable

    def loading(self) -> None:
        """A load begins."""
        self.state, self.error_code, self.error_message = "LOADING", "OK", ""

    def available(self, servable: Servable) -> None:
        """The load succeeded: requests may come."""
        self._servable = servable
        self.state = "AVAILABLE"

    def failed(self, code: str, message: str) -> None:
        """The load failed for good."""
        self.state, self.error_code, self.error_message = "END", code, message

    def acquire(self) -> bool:
        """Keeps the version loaded until `release`; False when it is not there for requests."""
        with self._idle:
            if self.state != "AVAILABLE":
                return False
            self._users += 1
            return True

    def release(self) -> None:
        """Ends one `acquire`."""
        with self._idle:
            self._users -= 1
            if self._users == 0:
                self._idle.notify_all()

    def retire(self) -> None:
        """Lets no new request in."""
        with self._idle:
            self.state = "UNLOADING"

    def unload(self, *, patience: float) -> bool:
        """Lets no new request in, waits for those inside, and frees the model. May be called again meanwhile.

        Args:
            patience: how long to wait for requests, in seconds.

        Returns:
            Whether they all ended; the calls of those that did not fail now.
        """
        self.retire()
        with self._idle:
            idle = self._idle.wait_for(lambda: self._users == 0, timeout=patience)
            servable, self._servable = self._servable, None
        try:
            if servable is not None:
                servable.close()
        finally:
            self.state = "END"
        return idle
