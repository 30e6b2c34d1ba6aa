"""Which rules spoke in which week: those of validation about the data, and those of the gate about the candidates.

The gate's are read from the ledger, which keeps them for good; validation's from the files of the runs that are kept
(`keep.runs`). A rule that speaks every week is noise, or a source that nobody mends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ml.errors import printable
from ml.gate import reason
from ml.pipeline.run_record import RunRecord, runs
from ml.registry.ledger.entries import INTENT, KEPT, REJECTED, SAME, WAITING, WITHHELD
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import json_object
from ml.storage.root import Root

BLOCKS, WARNS, AGAINST, NEITHER, SUPPORTS = "blocks", "warns", "against", "neither", "for"
EFFECTS = (BLOCKS, AGAINST, WARNS, NEITHER, SUPPORTS)
"""What a rule does, the gravest first: to the data (blocks, warns), or to a candidate."""
WEEKS = 12
MOST_WEEKS = 520
LONGEST = 30
"""Letters of a column's name in a table: the data may bring any."""


@dataclass(frozen=True, order=True)
class Rule:
    """A rule by its effect, the column that it is about ("" for none), and its name in settings and docs."""

    effect: str
    column: str
    name: str


@dataclass(frozen=True)
class RulesByWeek:
    """How many runs a rule spoke in, by week.

    Attributes:
        weeks: The Mondays of the weeks (UTC), the newest first.
        runs: How many runs were examined or judged in each week.
        rules: Each rule with its counts, shape [weeks]; the gravest and most frequent first.
    """

    weeks: tuple[date, ...]
    runs: tuple[int, ...]
    rules: tuple[tuple[Rule, tuple[int, ...]], ...]

    def as_text(self) -> str:
        """Return it as a table for a terminal."""
        if not any(self.runs):
            return "No run was examined or judged in these weeks."
        head = ["effect", "rule", *(f"{week:%m-%d}" for week in self.weeks)]
        rows = [["", "runs", *map(str, self.runs)]]
        rows += [[rule.effect, _named(rule), *(str(count or ".") for count in counts)] for rule, counts in self.rules]
        widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
        lines = ("  ".join(_aligned(row, widths)).rstrip() for row in (head, *rows))
        return "\n".join([f"Weeks by their Monday, the newest first ({self.weeks[0]}).", *map(printable, lines)])

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "weeks": [week.isoformat() for week in self.weeks],
            "runs": list(self.runs),
            "rules": [
                {"effect": rule.effect, "column": rule.column, "rule": rule.name, "counts": list(counts)}
                for rule, counts in self.rules
            ],
        }


def rules_by_week(
    root: Root, *, weeks: int = WEEKS, now: datetime | None = None, events: Sequence[Mapping[str, Any]] | None = None
) -> RulesByWeek:
    """Return which rules spoke in the last weeks, this one included; a run counts once for each rule.

    Args:
        root: Where the runs and the ledger are.
        weeks: How many.
        now: This moment by default.
        events: The ledger, if somebody has read it already.

    Raises:
        FinalError: The ledger cannot be read.
    """
    this = _monday(now or datetime.now(UTC))
    mondays = tuple(this - timedelta(weeks=number) for number in range(weeks))
    found: dict[Rule, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    seen: dict[date, set[str]] = defaultdict(set)
    entries = Ledger(root.ledger).events() if events is None else events
    for run_id, at, rules in (*_of_data(runs(root)), *_of_candidates(entries)):
        seen[_monday(at)].add(run_id)
        for rule in rules:
            found[rule][_monday(at)].add(run_id)
    counted = [(rule, tuple(len(of.get(week, ())) for week in mondays)) for rule, of in found.items()]
    shown = [(rule, counts) for rule, counts in counted if any(counts)]
    shown.sort(key=lambda one: (EFFECTS.index(one[0].effect), -sum(one[1]), one[0]))
    return RulesByWeek(mondays, tuple(len(seen.get(week, ())) for week in mondays), tuple(shown))


def _of_data(records: Iterable[RunRecord]) -> Iterator[tuple[str, datetime, set[Rule]]]:
    """Yield each run whose data were examined, when, and what was found."""
    for record in records:
        places = (record.directory / "validate" / "validation.json", record.directory / "validation.json")
        report = next((found for place in places if (found := json_object(place))), None)
        if report is None or "validate" not in record.written:
            continue
        findings = report.get("findings")
        rules = {
            Rule(BLOCKS if one.get("blocks") else WARNS, str(one.get("feature") or ""), str(one.get("kind")))
            for one in (findings if isinstance(findings, list) else [])
            if isinstance(one, Mapping)
        }
        yield record.directory.name, datetime.fromtimestamp(record.written["validate"], UTC), rules


def _of_candidates(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, datetime, set[Rule]]]:
    """Yield each candidate that was judged, when, and the rules of the gate that spoke about it."""
    for event in events:
        if event["event"] in (INTENT, REJECTED, KEPT, SAME, WITHHELD, WAITING) and event.get("codes"):
            rules = {Rule(_effect(code), "", code) for code in map(str, event["codes"]) if code not in reason.CONTEXT}
            yield str(event["run_id"]), datetime.fromisoformat(event["at"]), rules


def _effect(code: str) -> str:
    if code in reason.AGAINST:
        return AGAINST
    if code in reason.FOR:
        return SUPPORTS
    return WARNS if code in reason.WARNINGS else NEITHER


def _monday(at: datetime) -> date:
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _named(rule: Rule) -> str:
    column = rule.column if len(rule.column) <= LONGEST else f"{rule.column[: LONGEST - 3]}..."
    return f"{column}: {rule.name}" if column else rule.name


def _aligned(row: list[str], widths: list[int]) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if place < 2 else cell.rjust(width)
