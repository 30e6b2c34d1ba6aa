"""What became of the customers of the version, as far as somebody has told."""

from __future__ import annotations

from ml.errors import FinalError
from ml.performance.live_file import as_json, read_live_performance
from ml.reports.card.material import Material, Part
from ml.reports.live.section import live_section
from ml.reports.look.section import Section

TITLE = "What became of its customers"
COMMAND = ("Compute it again from the outcomes that came:", "python -m ml performance")


def live_part(of: Material) -> Part:
    """Return the part of the card; it says so when nothing is known."""
    try:
        live = read_live_performance(of.root)
    except FinalError as error:
        return Part(Section("live", TITLE, [str(error)]), {"known": False}, (COMMAND,))
    version = live.version(of.version) if live is not None else None
    if live is None or version is None:
        told = "Nobody has told yet what became of customers whom it scored (docs/outcomes.md)."
        return Part(Section("live", TITLE, [told]), {"known": False})
    numbers = {"known": True, "computed": live.computed.isoformat(), **as_json(version)}
    return Part(live_section(live, version), numbers, (COMMAND,))
