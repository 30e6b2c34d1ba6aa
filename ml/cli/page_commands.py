"""The commands that write a page: about a run, about two data sets, and the card of a version."""

from __future__ import annotations

import argparse

from ml.cli.status import as_json
from ml.config.settings import resolve
from ml.errors import DONE, FinalError
from ml.registry.ledger.ledger import Ledger
from ml.reports.card.card import write_card
from ml.reports.data.compare import compare_data
from ml.reports.run.report import write_report
from ml.storage.root import Root


def report(options: argparse.Namespace) -> tuple[int, str]:
    """Write the page about a run, and say where it is."""
    page = write_report(Root.find(options.root), options.run)
    return DONE, as_json({"run_id": options.run, "report": str(page)}) if options.json else str(page)


def card(options: argparse.Namespace) -> tuple[int, str]:
    """Write the card of a version, by default the champion's, and say where it is."""
    root = Root.find(options.root)
    champion = Ledger(root.ledger).champion() if options.version is None else None
    number = champion.number if champion else options.version
    if number is None:
        raise FinalError(f"No version serves in {root.path}.", "Name one: python -m ml card VERSION.")
    page = write_card(root, number)
    return DONE, as_json({"version": number, "card": str(page)}) if options.json else str(page)


def data(options: argparse.Namespace) -> tuple[int, str]:
    """Compare two data sets, and say where both are drawn."""
    settings = resolve(file=options.settings, overrides=options.overrides)
    compared = compare_data(Root.find(options.root), settings, options.one, options.other)
    return DONE, as_json(compared.as_json()) if options.json else compared.as_text()
