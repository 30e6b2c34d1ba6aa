"""What the comparison of two data sets came to: how far each column drifted, and what is odd in the second one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.schema import MEANT_FOR
from ml.errors import printable


@dataclass(frozen=True)
class ComparedData:
    """Two data sets beside each other.

    Attributes:
        names: What the two are called: their sources.
        sha256: Of the two, each as a plain CSV.
        rows: Customers in each.
        distances: TFDV's distance of each compared column, from 0: L-infinity of a text, Jensen-Shannon of a number.
        thresholds: From which distance on a column has drifted, by the schema in force.
        findings: What else validation says of the second one, as validation.json has it.
        page: Where it is drawn.
    """

    names: tuple[str, str]
    sha256: tuple[str, str]
    rows: tuple[int, int]
    distances: dict[str, float]
    thresholds: dict[str, float]
    findings: list[Mapping[str, Any]]
    page: Path

    @property
    def drifted(self) -> list[str]:
        """The columns beyond their threshold, the farthest first by how many times it."""
        beyond = {name: far / self.thresholds[name] for name, far in self.distances.items() if name in self.thresholds}
        return sorted((name for name, times in beyond.items() if times > 1), key=lambda name: -beyond[name])

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        of = f"of {len(self.distances)} compared columns"
        if not self.distances:
            return "No column could be compared."
        return (
            f"{len(self.drifted)} {of} drifted: {', '.join(self.drifted)}." if self.drifted else f"None {of} drifted."
        )

    @property
    def caution(self) -> str:
        """What to know of the thresholds; "" for two files about as large as those that they were made from."""
        if all(MEANT_FOR / 2 <= rows <= MEANT_FOR * 2 for rows in self.rows):
            return ""
        return (
            f"The thresholds are for files of about {MEANT_FOR:,} customers: smaller ones differ more by chance alone, "
            "and of larger ones the same threshold finds less."
        )

    def as_text(self) -> str:
        """Return it as text for a terminal."""
        return "\n".join(map(printable, self._lines()))

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        one, other = (
            {"name": name, "sha256": sha256, "rows": rows}
            for name, sha256, rows in zip(self.names, self.sha256, self.rows, strict=True)
        )
        found = {"drifted": self.drifted, "distances": self.distances, "thresholds": self.thresholds}
        return {"one": one, "other": other, **found, "findings": self.findings, "page": str(self.page)}

    def _lines(self) -> Iterator[str]:
        (one, other), (rows, other_rows) = self.names, self.rows
        yield self.headline
        yield f"{other} ({other_rows:,} rows), compared with {one} ({rows:,} rows)."
        if self.caution:
            yield self.caution
        for name, distance in sorted(self.distances.items()):
            threshold = self.thresholds.get(name)
            against = "no threshold" if threshold is None else f"threshold {threshold:g}"
            yield f"  {name:<16}distance {distance:.4f}, {against}{', DRIFTED' if name in self.drifted else ''}"
        for finding in self.findings:
            column = f"{finding['feature']}: " if finding["feature"] else ""
            effect, in_rows = "blocks" if finding["blocks"] else "warns", finding["rows"]
            yield f"  {effect:<16}{column}{finding['what']}{f' ({in_rows:,} rows)' if in_rows else ''}"
        yield f"Drawn in {self.page}"
