"""One look at the traffic as text for a terminal, and for the log of its task."""

from __future__ import annotations

from collections.abc import Iterator

from ml.drift.last_checks import Check
from ml.errors import printable


def check_text(check: Check) -> str:
    """Return the answer; the last line says what it came to."""
    return "\n".join(map(printable, _lines(check)))


def _lines(check: Check) -> Iterator[str]:
    yield check.told
    for name, distance in sorted(check.distances.items()):
        limit = check.thresholds.get(name)
        against = "no threshold" if limit is None else f"threshold {limit:.4g}"
        yield f"  {name:<16}distance {distance:.4f}, {against}"
    yield from (f"  note      {note}" for note in check.notes)
    yield from (f"  {finding.kind:<10}{finding.sentence}" for finding in check.findings)
    yield from (f"  held back {sentence}" for sentence in check.held_back)
    if check.asks:
        yield f"A retraining is asked for: {check.asks.text}."
    elif check.findings:
        yield "No retraining is asked for: one began for the same not long ago."
    elif check.distances:
        yield "Nothing has drifted."
    else:
        yield "Nothing could be compared."
