"""Which version of a model answers, as far as the server's status tells."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable
from urllib.parse import quote, unquote

from serving.client.version_status import VersionStatus
from serving.gateway.upstream import Upstream
from serving.gateway.upstream_connection import UpstreamAnswer, UpstreamError

UNKNOWN = "unknown"
_EVERY_SECONDS = 1.0
_FRESH_SECONDS = 2.0
_MODEL = re.compile(r"/v1/models/([^/:?]+)(/versions/([0-9]+)|/labels/)?", re.IGNORECASE)


class VersionWatch:
    """Asks for the status of some models, each at most once a second and never because of a request.

    TensorFlow Serving's answers name no version. Just after a switch, what is said here may be a second behind.

    Args:
        upstream: The server.
        models: The models' names.
        now: A clock in seconds.

    Attributes:
        on_heard: Called with what each ask told, as `heard` is.
    """

    def __init__(self, upstream: Upstream, models: Iterable[str], *, now: Callable[[], float] = time.monotonic) -> None:
        self._upstream = upstream
        self._now = now
        self._asks: dict[str, list[tuple[float, int | None]]] = {model: [] for model in models}
        self.on_heard: Callable[[str, float, int | None], None] | None = None

    def of(self, model: str) -> str:
        """The version of the last two asks when they agree and the last is under two seconds old; else "unknown"."""
        asks = self._asks.get(model, [])
        if len(asks) < 2 or asks[0][1] != asks[1][1] or asks[1][1] is None:
            return UNKNOWN
        return str(asks[1][1]) if self._now() - asks[1][0] < _FRESH_SECONDS else UNKNOWN

    def of_answer(self, target: str, status: int) -> str:
        """The version that gave an answer; a version that is named in the target is the one that gave a good answer."""
        found = _MODEL.match(target)
        if found is None:
            return UNKNOWN
        if found[3]:
            return str(int(found[3])) if status == 200 and len(found[3]) < 20 else UNKNOWN
        return UNKNOWN if found[2] else self.of(unquote(found[1]))

    def heard(self, model: str, asked_at: float, version: int | None) -> None:
        """Records what an ask told: the version that answers, or None when there is none or nothing was told."""
        self._asks[model] = [*self._asks[model], (asked_at, version)][-2:]
        if self.on_heard is not None:
            self.on_heard(model, asked_at, version)

    async def run(self) -> None:
        """Asks until it is cancelled."""
        while True:
            began = self._now()
            await asyncio.gather(*(self._ask(model) for model in self._asks))
            await asyncio.sleep(max(_EVERY_SECONDS - (self._now() - began), 0.0))

    async def _ask(self, model: str) -> None:
        asked_at = self._now()
        answered: asyncio.Future[UpstreamAnswer | UpstreamError] = asyncio.get_running_loop().create_future()

        def outcome(result: UpstreamAnswer | UpstreamError) -> None:
            if not answered.done():
                answered.set_result(result)

        asked = self._upstream.ask("GET", f"/v1/models/{quote(model, safe='')}", b"", b"", outcome)
        try:
            async with asyncio.timeout(_EVERY_SECONDS):
                result = await answered
        except TimeoutError:
            result = UpstreamError("no status in time")
        finally:
            if not answered.done():  # timed out, or cancelled
                asked.give_up()
        self.heard(model, asked_at, _latest(result))


def _latest(result: UpstreamAnswer | UpstreamError) -> int | None:
    """The version that answers whoever names none: the highest that is available."""
    if isinstance(result, UpstreamError) or result.status != 200:
        return None
    try:
        statuses = VersionStatus.all_of(json.loads(result.body))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return max((status.version for status in statuses if status.state == "AVAILABLE"), default=None)
