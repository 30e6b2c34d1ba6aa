"""Which version gave an answer, for a record that can wait: the asks before and after it tell."""

from __future__ import annotations

from collections import deque

from serving.gateway.records.frames import StatusAsk
from serving.records.row import UNKNOWN

NEAR_SECONDS = 3.0
"""How long before a request, and after its answer, an ask may be."""
_KEPT = 128


class CertainVersion:
    """Knows the asks of the last two minutes.

    A version is told when the last ask that was answered before the request, the first one that was sent after its
    answer, and all asks between them told the same. The header X-Model-Version cannot wait for the second.
    """

    def __init__(self) -> None:
        self._asks: dict[str, deque[StatusAsk]] = {}

    def heard(self, ask: StatusAsk) -> None:
        """Records what an ask told."""
        self._asks.setdefault(ask.model, deque(maxlen=_KEPT)).append(ask)

    def of(self, model: str, sent_at: float, answered_at: float, now: float) -> str | None:
        """The version that gave an answer, "unknown", or None as long as an ask may still tell.

        Args:
            model: The model.
            sent_at: When the request was sent.
            answered_at: When its answer came.
            now: The time, on the same clock.
        """
        asks = self._asks.get(model)
        if asks is None:
            return UNKNOWN
        before = next((place for place in range(len(asks) - 1, -1, -1) if asks[place].heard_at <= sent_at), None)
        if before is None or sent_at - asks[before].asked_at > NEAR_SECONDS:
            return UNKNOWN
        after = next((place for place in range(before, len(asks)) if asks[place].asked_at >= answered_at), None)
        if after is None:
            return None if now - answered_at <= NEAR_SECONDS else UNKNOWN
        if asks[after].asked_at - answered_at > NEAR_SECONDS:
            return UNKNOWN
        told = {asks[place].version for place in range(before, after + 1)}
        return str(told.pop()) if len(told) == 1 and None not in told else UNKNOWN
