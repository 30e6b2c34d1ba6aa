"""One version of a model: its state from START to END, and the requests that keep it loaded."""

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
        model: The name of the model.
        number: The version's number.
        path: Its directory.
        state: The state as TensorFlow Serving's GetModelStatus names it.
        error_code: "OK", or the code of the error with which it ended.
        error_message: The text that belongs to the code.
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
        """The loaded servable; it may be used only while the version is acquired.

        Raises:
            RuntimeError: The version is not loaded.
        """
        if self._servable is None:
            raise RuntimeError(f"version {self.number} of {self.model} is not loaded")
        return self._servable

    def mark_loading(self) -> None:
        """Notes that the load begins."""
        self.state, self.error_code, self.error_message = "LOADING", "OK", ""

    def mark_available(self, servable: Servable) -> None:
        """Notes that the load succeeded: from now on the version can be acquired."""
        self._servable = servable
        self.state = "AVAILABLE"

    def mark_failed(self, code: str, message: str) -> None:
        """Notes that the load failed for good."""
        self.state, self.error_code, self.error_message = "END", code, message

    def acquire(self) -> bool:
        """Keeps the version loaded until `release`; False when the version is not available."""
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

    def quiesce(self) -> None:
        """Lets no new request acquire the version; TensorFlow Serving's loader harness has the word."""
        with self._idle:
            self.state = "UNLOADING"

    def unload(self, *, timeout: float) -> bool:
        """Quiesces the version, waits for its requests and frees the servable. A second call meanwhile is harmless.

        Args:
            timeout: How long to wait for requests, in seconds.

        Returns:
            Whether all requests ended in time; the calls of the others fail now.
        """
        self.quiesce()
        with self._idle:
            idle = self._idle.wait_for(lambda: self._users == 0, timeout=timeout)
            servable, self._servable = self._servable, None
        try:
            if servable is not None:
                servable.close()
        finally:
            self.state = "END"
        return idle
