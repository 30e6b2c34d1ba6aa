"""A headless Chromium, driven over the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/).

The `websockets` package comes with Airflow's own web server, so no package is added for this.
"""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0
POLL_SECONDS = 0.3
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ChromiumError(Exception):
    """Chromium is not installed, did not start, or refused a command."""


class Page:
    """One page: commands go out, answers come back; events in between are dropped."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result.

        Raises:
            ChromiumError: Chromium refused it.
            TimeoutError: There was no answer within `ANSWER_SECONDS`.
        """
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            message = json.loads(self._socket.recv(timeout=max(deadline - time.monotonic(), 0)))
            if message.get("id") == self._number:
                if "error" in message:
                    raise ChromiumError(f"{method}: {message['error'].get('message')}")
                return dict(message["result"])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, as JSON can hold it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    def open(self, url: str, *, width: int, height: int, scale: float = 1) -> None:
        """Load `url` into a window of `width` x `height` CSS pixels, drawn at `scale`."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )
        self.call("Page.navigate", url=url)

    def wait_until(self, expression: str, *, seconds: float = 60) -> None:
        """Ask until the expression is true.

        Raises:
            ChromiumError: It was not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"!!({expression})"):
            if time.monotonic() > deadline:
                raise ChromiumError(f"still not true after {seconds:g} s: {expression}")
            time.sleep(POLL_SECONDS)

    def screenshot(self, box: dict[str, float] | None = None) -> bytes:
        """The window, or the part of it in `box` (x, y, width, height in CSS pixels), as PNG."""
        clip = {"clip": box | {"scale": 1}} if box else {}
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=bool(box), **clip)
        return base64.b64decode(answer["data"])


@contextmanager
def chromium() -> Iterator[Page]:
    """A page of a new Chromium with a profile of its own, which ends and is forgotten afterwards.

    Raises:
        ChromiumError: It is not installed, or did not start.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise ChromiumError("There is no Chromium here. Install it: apt-get install -y chromium")
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        child = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_page_address(Path(profile), child), max_size=None) as socket:
                yield Page(socket)
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _page_address(profile: Path, child: subprocess.Popen[bytes]) -> str:
    """Where the first page listens; the port is chosen by Chromium, which writes it into its profile."""
    deadline = time.monotonic() + START_SECONDS
    port_file = profile / "DevToolsActivePort"
    while time.monotonic() < deadline and child.poll() is None:
        lines = port_file.read_text().splitlines() if port_file.exists() else []
        if len(lines) == 2:
            with _DIRECT.open(f"http://127.0.0.1:{lines[0]}/json/list", timeout=ANSWER_SECONDS) as answer:
                targets = json.load(answer)
            pages = [target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page"]
            if pages:
                return str(pages[0])
        time.sleep(POLL_SECONDS)
    raise ChromiumError(f"Chromium did not start within {START_SECONDS:g} s.")
