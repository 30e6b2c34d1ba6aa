"""The totals of the model server at several times, kept in `traffic.json`, so that "before" and "since" can be told.

One page is a running total. The file is written whole and holds a bounded number of samples; losing it, or a sample,
only means that less is known.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Self

from ml.config.settings import Settings
from ml.errors import RetrainError
from ml.registry.endpoint import server_url
from ml.registry.traffic.counters import Counters
from ml.registry.traffic.metrics_page import counters_at
from ml.storage import files, locks
from ml.storage.root import Root

log = logging.getLogger(__name__)
MOST_SAMPLES = 500
"""Four days of two samples every half hour are 384."""
_LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Sample:
    """The totals of a server at one time.

    Attributes:
        at: When, in UTC, in whole seconds as the ledger has them.
        url: Of which server.
        counters: Its totals.
        own: Whether what was counted since the sample before are our own questions, and nobody's traffic.
    """

    at: datetime
    url: str
    counters: Counters
    own: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which the file holds it."""
        return {"at": self.at.isoformat(), "url": self.url, "own": self.own, **self.counters.as_dict()}

    @classmethod
    def of(cls, content: Any) -> Self:
        """Read what `as_dict` made.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: It is not that.
        """
        at = datetime.fromisoformat(content["at"])
        if at.tzinfo is None:
            raise ValueError("a time without a zone")
        return cls(at, str(content["url"]), Counters.of(content), content["own"] is True)


def take_sample(root: Root, settings: Settings, *, own: bool = False, now: datetime | None = None) -> bool:
    """Ask the model server that is named or running for its totals, and remember them.

    Nothing is raised: no promotion and no check fails because a page could not be had or a file not be written.

    Args:
        root: Where the file is.
        settings: `serving` is used.
        own: What was asked since the sample before was asked by us.
        now: The time, for tests.

    Returns:
        Whether there is a new sample.
    """
    try:
        url = server_url(root, settings)
        counters = counters_at(url, settings.serving.model) if url else None
        if counters is None:
            return False
        at = (now or datetime.now(UTC)).replace(microsecond=0)
        with locks.hold(root.path / "traffic.lock", who="a sample of the traffic", wait_seconds=_LOCK_SECONDS):
            kept = [*read_samples(root), Sample(at, url, counters, own)][-MOST_SAMPLES:]
            files.write_json(root.traffic, {"samples": [sample.as_dict() for sample in kept]})
    except (OSError, RetrainError) as error:
        log.warning("what the model server has counted cannot be remembered: %s", error)
        return False
    return True


def read_samples(root: Root) -> list[Sample]:
    """Return the samples, oldest first; what is damaged is left out."""
    content = files.json_object(root.traffic).get("samples")
    samples = []
    for one in content if isinstance(content, list) else []:
        try:
            samples.append(Sample.of(one))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            continue
    return samples


def traffic_between(samples: Iterable[Sample], start: datetime, end: datetime, *, overlaps: bool = False) -> Counters:
    """Return what other people asked between two times, as far as it is known.

    Only whole stretches between two samples count; those with questions of ours, and those between two servers, do not.

    Args:
        samples: Oldest first.
        start: The beginning.
        end: The end.
        overlaps: Whether a stretch that began before `start`, and ended after it, counts.
    """
    total = Counters()
    for before, after in pairwise(samples):
        begins = after.at > start if overlaps else before.at >= start
        if begins and after.at <= end and before.at <= after.at and not after.own and before.url == after.url:
            total += after.counters.since(before.counters)
    return total
