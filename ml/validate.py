"""Validation: TFDV's statistics against the curated schema and against the data of the version now served."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml import files, table
from ml.artifacts import Accepted, Dataset
from ml.errors import BlockedError
from ml.features import ID
from ml.findings import UNEXPECTED_VALUE, Finding, Severity, offending
from ml.schema import read_schema
from ml.settings import TargetSettings, ValidateSettings

log = logging.getLogger("ml.validate")

WORDS = {
    "SCHEMA_MISSING_COLUMN": "the column is missing",
    "SCHEMA_NEW_COLUMN": "a column that the schema does not know; it is ignored",
    "UNEXPECTED_DATA_TYPE": "text where a number belongs",
    "FLOAT_TYPE_STRING_NOT_FLOAT": "text that is not a number",
    "FLOAT_TYPE_SMALL_FLOAT": "values below {low:g}",
    "FLOAT_TYPE_BIG_FLOAT": "values above {high:g}",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": "missing more often than {missing:.0%} allowed",
    "FEATURE_TYPE_NOT_PRESENT": "no value at all",
    UNEXPECTED_VALUE: "values that the schema does not know",
}
DRIFT_KINDS = ("COMPARATOR_L_INFTY_HIGH", "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH")
CURE = "Fix the source, or widen ml/schema.pbtxt if the world has changed."


def validate(
    dataset: Dataset,
    *,
    settings: ValidateSettings,
    target: TargetSettings,
    champion_statistics: Path | None,
    out: Path,
) -> Accepted:
    """Describe the data, compare them with the schema and the champion's data, and stop what must not go on.

    Writes `statistics.pb` (`DatasetFeatureStatisticsList`) and `validation.json` into `out`; the latter also into
    the run's directory when it blocks, because `out` does not survive that.

    Raises:
        BlockedError: A finding blocks; the message names each feature, what was found and in how many rows.
        DataError: The file cannot be read as a table.
    """
    columns = _typed(dataset.csv)
    statistics = describe(columns)
    files.write_whole(out / "statistics.pb", statistics.SerializeToString())
    findings, drift = _compare(columns, statistics, champion_statistics, settings)
    findings += _our_own(columns, target, settings)
    report = {"rows": _rows(columns), "drift": drift, "findings": [finding.as_dict() for finding in findings]}
    for finding in findings:
        log.log(logging.ERROR if finding.blocks else logging.WARNING, "%s", finding.sentence)
    blocking = [finding.sentence for finding in findings if finding.blocks]
    if blocking:
        files.write_json(out.parent / "validation.json", report)
        raise BlockedError(blocking, CURE)
    files.write_json(out / "validation.json", report)
    warnings = [finding.sentence for finding in findings]
    return Accepted(out, dataset.sha256, _rows(columns), dataset.csv, warnings, drift)


def describe(columns: dict[str, pa.Array]) -> Any:
    """TFDV statistics of columns in memory: string or float64 arrays with null where a value is missing."""
    import tensorflow_data_validation as tfdv
    from tensorflow_data_validation.statistics import stats_impl

    batch = pa.RecordBatch.from_arrays([_as_lists(column) for column in columns.values()], names=list(columns))
    return stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())


def _typed(csv: Path) -> dict[str, pa.Array]:
    """All columns in memory: numbers where every value is one, else text."""
    rows = pa.Table.from_batches(list(table.batches(csv)))
    columns = {}
    for name in rows.column_names:
        column = rows[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        is_number = name in table.NUMBER_COLUMNS and not pc.any(table.not_numbers(column)).as_py()
        columns[name] = table.numbers(column) if is_number else column
    return columns


def _as_lists(column: pa.Array) -> pa.Array:
    """TFDV's form of a feature: a list of its values a row, null where there is none."""
    present = np.asarray(column.is_valid())
    offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
    missing = np.append(~present, False)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32(), mask=missing), column.drop_null())


def _compare(
    columns: dict[str, pa.Array], statistics: Any, champion_statistics: Path | None, settings: ValidateSettings
) -> tuple[list[Finding], dict[str, float]]:
    import tensorflow_data_validation as tfdv
    from tensorflow_metadata.proto.v0 import statistics_pb2

    schema = read_schema()
    previous = None
    if champion_statistics is not None:
        previous = statistics_pb2.DatasetFeatureStatisticsList.FromString(champion_statistics.read_bytes())
    anomalies = tfdv.validate_statistics(statistics, schema, environment="TRAINING", previous_statistics=previous)
    features = {feature.name: feature for feature in schema.feature}
    findings = []
    for name, info in sorted(anomalies.anomaly_info.items()):
        # TFDV reports text in a number column twice; the first says it all.
        kinds = {type(info).Type.Name(reason.type): reason.description for reason in info.reason}
        if "UNEXPECTED_DATA_TYPE" in kinds:
            kinds.pop("FLOAT_TYPE_STRING_NOT_FLOAT", None)
        for kind, description in kinds.items():
            findings.append(_finding(kind, description, name, columns, features.get(name), settings))
    for reason in anomalies.dataset_anomaly_info.reason:
        least = schema.dataset_constraints.min_examples_count
        what = f"{_rows(columns)} rows, and at least {least} are needed. {reason.description}".rstrip(".")
        findings.append(_severity(settings).finding("DATASET_LOW_NUM_EXAMPLES", "", what, 0, 0, []))
    drift = {
        info.path.step[0]: round(measured.value, 6)
        for info in anomalies.drift_skew_info
        for measured in info.drift_measurements
    }
    return findings, drift


def _finding(
    kind: str, description: str, name: str, columns: dict[str, pa.Array], feature: Any, settings: ValidateSettings
) -> Finding:
    severity = _severity(settings)
    column = columns.get(name)
    mask = offending(kind, column, feature) if column is not None and feature is not None else None
    words = WORDS.get(kind, description.rstrip("."))
    if feature is not None:
        low, high = feature.float_domain.min, feature.float_domain.max
        words = words.format(low=low, high=high, missing=1 - feature.presence.min_fraction)
    if kind in DRIFT_KINDS:
        words = f"drifted from the data of the served version. {description.rstrip('.')}"
    if mask is None or column is None:
        return severity.finding(kind, name, words, 0, 0, [])
    # An unseen label cannot be learnt from, however rare it is: a kind of its own that no share excuses.
    shown = "unseen_label" if kind == UNEXPECTED_VALUE and name == "Segmentation" else kind
    rows = int(pc.sum(mask).as_py() or 0)
    return severity.finding(shown, name, words, rows, len(column), severity.examples(column, mask))


def _our_own(columns: dict[str, pa.Array], target: TargetSettings, settings: ValidateSettings) -> list[Finding]:
    """What a schema cannot say: repeated identifiers, and a label with only one class."""
    severity, findings = _severity(settings), []
    if ID in columns:
        counts = pc.value_counts(columns[ID].drop_null())
        repeated = counts.filter(pc.greater(counts.field("counts"), 1))
        if len(repeated):
            rows = int(pc.sum(repeated.field("counts")).as_py())
            shown = [f"{v:g}" if isinstance(v, float) else repr(v) for v in repeated.field("values").to_pylist()[:10]]
            findings.append(severity.finding("duplicate_id", ID, "identifiers used twice", rows, _rows(columns), shown))
    if target.column in columns:
        positive = pc.is_in(columns[target.column], value_set=pa.array(target.positive_segments))
        share = pc.mean(pc.cast(positive, pa.float64())).as_py()
        if share in (0.0, 1.0):
            kinds = "/".join(target.positive_segments)
            what = f"{'every' if share else 'no'} customer is in segment {kinds}, so there is nothing to tell apart"
            findings.append(severity.finding("single_class", target.column, what, 0, 0, []))
    return findings


def _severity(settings: ValidateSettings) -> Severity:
    blocks_above = dict(settings.blocks_above)
    if settings.drift_blocks:
        blocks_above |= dict.fromkeys(DRIFT_KINDS, 0.0)
    return Severity(blocks_above, settings.max_examples)


def _rows(columns: dict[str, pa.Array]) -> int:
    return len(next(iter(columns.values()), []))
