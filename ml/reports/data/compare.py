"""Compare two data sets as validation compares new data with those of the version that serves, and draw both."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ml.artifacts import Dataset
from ml.config.settings import Settings
from ml.data.csv_reader import ArrowColumns, count_rows, read_columns
from ml.data.ingest import ingest
from ml.data.put_right import PutRight
from ml.data.schema import Schema
from ml.errors import SettingsError
from ml.registry.schemas.in_force import schema_in_force
from ml.reports.data.columns_section import columns_section
from ml.reports.data.compared_data import ComparedData
from ml.reports.look.kept_pages import keep_page
from ml.reports.look.page import render
from ml.storage import files
from ml.storage.root import Root
from ml.validation.examination import Examination, examine
from ml.validation.findings import Severity
from ml.validation.tfdv_statistics import generate_statistics

BESIDE_OTHERS = "COMPARATOR_"
"""How the kinds of findings begin that compare with other data; distances and columns tell of them already."""


def compare_data(root: Root, settings: Settings, one: str, other: str) -> ComparedData:
    """Compare two data sets as validation compares new data with those of the version that serves, and draw both.

    Args:
        root: Where the inbox, the schema in force, and the pages are.
        settings: `data`, `validate` and `target` are used.
        one: The data to compare with: kaggle, sample, inbox:NAME or a path.
        other: The data that are asked about.

    Raises:
        SettingsError: A source names no file.
        DataError: A file is no table of customers that can be read.
        FinalError: A file may not be read, the schema in force is damaged, or the disk refuses.
        TransientError: The network or the disk was in the way.
    """
    schema = schema_in_force(root).schema
    severity = Severity(dict(settings.validate.blocks_above), settings.validate.max_examples)
    with files.disk_errors("the comparison of two data sets"), tempfile.TemporaryDirectory() as scratch:
        before, after = (
            _obtain(root, settings, source, Path(scratch) / str(n)) for n, source in enumerate((one, other))
        )
        columns = read_columns(before.csv, PutRight(), name=before.name, schema=schema)
        statistics = Path(scratch) / "statistics.pb"
        statistics.write_bytes(generate_statistics(columns).SerializeToString())
        found = examine(after, schema, severity=severity, target=settings.target, champion_statistics=statistics)
        compared = _compared(root, schema, (before, after), columns, found)
        new = read_columns(after.csv, PutRight(), name=after.name, schema=schema)
        keep_page(compared.page, _page(compared, columns, new, settings.target.column))
    return compared


def _obtain(root: Root, settings: Settings, source: str, out: Path) -> Dataset:
    out.mkdir()
    try:
        return ingest(replace(settings.data, source=source), root=root, out=out, beam=settings.beam)
    except SettingsError as error:
        raise SettingsError(error.what.removeprefix("data.source = "), error.cure) from None


def _compared(
    root: Root, schema: Schema, datasets: tuple[Dataset, Dataset], columns: ArrowColumns, found: Examination
) -> ComparedData:
    before, after = datasets
    names = (before.source, after.source)
    return ComparedData(
        names if names[0] != names[1] else (f"{before.source} (first)", f"{after.source} (second)"),
        (before.sha256, after.sha256),
        (count_rows(columns), found.counts.rows),
        dict(found.drift),
        schema.drift_thresholds,
        [one.as_dict() for one in found.findings if not one.kind.startswith(BESIDE_OTHERS)],
        root.data_report(before.sha256, after.sha256),
    )


def _page(compared: ComparedData, before: ArrowColumns, after: ArrowColumns, label: str) -> str:
    (one, other), (rows, other_rows) = compared.names, compared.rows
    section = columns_section(
        after,
        before,
        label=label,
        names=(other, one),
        drift=compared.distances,
        thresholds=compared.thresholds,
        findings=compared.findings,
        says=[f"{other}: {other_rows:,} rows. {one}: {rows:,} rows."],
        compared=f"those of {one}",
    )
    return render("data.html", compared=compared, section=section)
