"""What the last looks at the traffic found, in `monitoring.json`: for people, the exporter, and the DAG that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Self

from ml.drift.finding import Finding
from ml.registry.policy.trigger import Trigger
from ml.storage import files
from ml.storage.root import Root

KEPT = 30
"""So many looks are kept, one of each day."""
TOO_FEW, STEADY, FOUND = "too few", "steady", "found"
STATES = (TOO_FEW, STEADY, FOUND)


@dataclass(frozen=True)
class Share:
    """A share among the requests, its interval, and what was expected."""

    name: str
    expected: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Check:
    """One look.

    Attributes:
        day: The last day of the requests.
        at: When it was done.
        version: The version that should be serving; None without one.
        rows: How many recorded rows of it there were.
        customers: About how many customers they were.
        findings: What was found, of the performance too.
        distances: Of each compared column.
        thresholds: From where on it has drifted.
        shares: Those that were compared.
        told: What was looked at, or why nothing could be said.
        notes: Sentences about what was left out, and about what is as expected.
        asks: What asks for a retraining; None when nothing does.
        held_back: A sentence for each finding that does not, since it did shortly before.
    """

    day: date
    at: datetime
    version: int | None
    rows: int = 0
    customers: int = 0
    findings: tuple[Finding, ...] = ()
    distances: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()
    told: str = ""
    notes: tuple[str, ...] = ()
    asks: Trigger | None = None
    held_back: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One of `STATES`."""
        if self.findings:
            return FOUND
        return STEADY if self.distances or self.shares else TOO_FEW

    def with_decision(self, findings: tuple[Finding, ...], asks: Trigger | None, held_back: tuple[str, ...]) -> Check:
        """Return the same look with what follows from it."""
        return replace(self, findings=findings, asks=asks, held_back=held_back)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self) | {
            "day": self.day.isoformat(),
            "at": self.at.isoformat(timespec="seconds"),
            "state": self.state,
            "asks": self.asks.as_dict() if self.asks else None,
        }

    @classmethod
    def of(cls, content: Any) -> Self:
        """Read what `as_dict` made.

        Raises:
            LookupError, TypeError, ValueError: It is not that.
        """
        at = datetime.fromisoformat(content["at"])
        if at.tzinfo is None:
            raise ValueError("a time without a zone")
        return cls(
            date.fromisoformat(content["day"]),
            at,
            content["version"] if content["version"] is None else int(content["version"]),
            int(content["rows"]),
            int(content["customers"]),
            tuple(Finding(str(one["kind"]), str(one["name"]), str(one["sentence"])) for one in content["findings"]),
            {str(name): float(value) for name, value in dict(content["distances"]).items()},
            {str(name): float(value) for name, value in dict(content["thresholds"]).items()},
            tuple(Share(**one) for one in content["shares"]),
            str(content["told"]),
            tuple(map(str, content["notes"])),
            Trigger.of_findings(content["asks"]) if content["asks"] else None,
            tuple(map(str, content["held_back"])),
        )


def keep_check(root: Root, check: Check) -> None:
    """Note a look beside the earlier ones, whole or not at all; that of the same day is replaced."""
    checks = [check, *(one for one in read_checks(root) if one.day != check.day)]
    newest = sorted(checks, key=lambda one: one.day, reverse=True)[:KEPT]
    files.write_json(root.monitoring, {"checks": [one.as_dict() for one in newest]})


def read_checks(root: Root) -> list[Check]:
    """Return the looks that are kept, the newest first; none when there is no file, or it is damaged."""
    try:
        return [Check.of(one) for one in files.json_object(root.monitoring)["checks"]]
    except (LookupError, TypeError, ValueError, AttributeError):
        return []
