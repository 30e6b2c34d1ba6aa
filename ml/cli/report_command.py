"""The command that writes the page about a run."""

from __future__ import annotations

import argparse

from ml.cli.status import as_json
from ml.errors import DONE
from ml.reports.run.report import write_report
from ml.storage.root import Root


def report(options: argparse.Namespace) -> tuple[int, str]:
    """Write the page about a run, and say where it is."""
    page = write_report(Root.find(options.root), options.run)
    return DONE, as_json({"run_id": options.run, "report": str(page)}) if options.json else str(page)
