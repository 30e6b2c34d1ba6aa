"""Write the page about a run from what it left behind, so that it can be written again while that is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ml.errors import FinalError, RetrainError, printable
from ml.registry.policy.provenance import SAMPLE, SAMPLE_WARNING, kind_of_source
from ml.reports.failures import count_failure
from ml.reports.look.kept_pages import keep_page
from ml.reports.look.page import render
from ml.reports.look.section import Section
from ml.reports.run.changes_section import changes_section
from ml.reports.run.data_section import data_section
from ml.reports.run.deciding_plot import difference_plot, threshold_plot
from ml.reports.run.facts import commands_of, facts_of, hashes_of, steps_of
from ml.reports.run.material import Material
from ml.reports.run.model_section import model_section
from ml.reports.run.money_section import money_section
from ml.reports.run.slices_section import slices_section
from ml.reports.run.training_section import training_section
from ml.reports.run.verdict import verdict_of
from ml.storage import files
from ml.storage.root import Root, shown

log = logging.getLogger(__name__)
SECTIONS: dict[str, Callable[[Material], Section | None]] = {
    "Data": data_section,
    "Model": model_section,
    "Money": money_section,
    "Slices": slices_section,
    "Training": training_section,
    "What changed": changes_section,
}
DAMAGE = (RetrainError, OSError, LookupError, TypeError, ValueError, AttributeError)
"""What a file that was edited, half written, or written by another version of this code can raise."""
BELOW_A_THRESHOLD = {"below_threshold", "leak_suspected"}


def write_report(root: Root, run_id: str) -> Path:
    """Write the page about a run into `Root.report`, and return its path.

    A part that cannot be drawn, since its files are damaged, says so on the page.

    Raises:
        FinalError: There is no such run, or its files were removed; or the disk refuses.
        TransientError: The disk is full.
    """
    with files.disk_errors(f"the report of run {run_id}"):
        of, place = Material(root, run_id), root.report(run_id)
        if not of.directory.is_dir():
            kept = f" Its page was written before, and is kept: {place}." if place.is_file() else ""
            raise FinalError(
                f"There is no run {shown(run_id)} in {root.runs}, or its files were removed.{kept}",
                "python -m ml history --long names the runs; keep.runs says how many are kept.",
            )
        keep_page(place, page_of(of))
        return place


def try_report(root: Root, run_id: str) -> Path | None:
    """Write the page about a run; whatever goes wrong is logged and counted, and changes nothing else.

    Returns:
        The path of the page; None when it could not be written.
    """
    try:
        return write_report(root, run_id)
    except Exception as error:  # a page must never change what a run came to
        count_failure(root, f"the report of run {run_id}", error, run_id=run_id)
        return None


def page_of(of: Material) -> str:
    """Return the page about a run as HTML."""
    verdict = verdict_of(of)
    source = str(of.record.artifact("ingest").get("source", ""))
    return render(
        "run.html",
        run_id=of.run_id,
        verdict=verdict,
        sample=SAMPLE_WARNING if kind_of_source(source) == SAMPLE else "",
        deciding=_guarded("What decided", of, _deciding),
        facts=facts_of(of),
        steps=steps_of(of),
        sections=[section for name, make in SECTIONS.items() if (section := _guarded(name, of, make))],
        commands=commands_of(of),
        hashes=hashes_of(of),
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _deciding(of: Material) -> Section | None:
    """Return the pictures that decide, the one that decided first; None without a verdict."""
    verdict = of.verdict
    if not verdict:
        return None
    plots = [
        difference_plot(of.evidence, of.baseline, str(verdict.get("anchor") or "")) if of.evidence else None,
        threshold_plot(verdict["metrics"], verdict["champion_metrics"], verdict["settings"]["judge"], of.baseline),
    ]
    if BELOW_A_THRESHOLD & {reason["code"] for reason in verdict["reasons"]}:
        plots.reverse()
    return Section("decided", "What decided", plots=[plot for plot in plots if plot is not None])


def _guarded(name: str, of: Material, make: Callable[[Material], Section | None]) -> Section | None:
    try:
        return make(of)
    except DAMAGE as error:
        log.warning("%s of run %s cannot be drawn: %s", name, of.run_id, printable(error))
        word = name.lower().replace(" ", "-")
        return Section(word, name, [f"This part cannot be drawn: {type(error).__name__}: {printable(error)}"])
