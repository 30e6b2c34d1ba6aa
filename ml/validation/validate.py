"""Validation: TFDV's statistics against the schema in force and against the data of the version now served."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from ml.artifacts import Accepted, Dataset
from ml.config.settings import BeamSettings, TargetSettings, ValidateSettings
from ml.data.schema import Schema
from ml.errors import BlockedError, SettingsError
from ml.storage import files
from ml.validation.comparison import DISTANCES
from ml.validation.examination import examine
from ml.validation.findings import Severity
from ml.validation.first_lines import first_lines
from ml.validation.proposal import Proposal, propose
from ml.validation.summary import summary

log = logging.getLogger(__name__)

CURE = (
    "Fix the source. If the world has changed, write a schema.pbtxt that allows it, and accept it: "
    "python -m ml schema accept --file schema.pbtxt --reason '...'."
)


def validate(
    dataset: Dataset,
    *,
    schema: Schema,
    settings: ValidateSettings,
    target: TargetSettings,
    champion_statistics: Path | None,
    out: Path,
    run_id: str = "",
    beam: BeamSettings | None = None,
) -> Accepted:
    """Compare the data with the schema and with the champion's data, and refuse them when a finding blocks.

    Writes `statistics.pb` (`DatasetFeatureStatisticsList`) and `validation.json` into `out`; when it blocks,
    `validation.json` into the run's directory, because `out` does not survive that. If a wider schema would let the
    same data through, it is written there too (`ml.validation.proposal`), and the error holds its hash.

    When nothing blocks, the log says what there was: rows, missing rates, the largest drift, how many warnings, what a
    single column tells about the label, and how noisy the labels are. `validation.json` holds these numbers too.

    Args:
        dataset: What was obtained.
        schema: The one of the run.
        settings: The section `validate`.
        target: What the label is.
        champion_statistics: Those of the data of the version that serves, for drift.
        out: An empty directory.
        run_id: Names the run in the cure; without one no wider schema is proposed.
        beam: The section `beam`; with a runner its workers count.

    Raises:
        BlockedError: A finding blocks; the message names each feature, what was found and in how many rows, and the
            first lines of the user's file that show it.
        DataError: The file cannot be read as a table.
        TransientError: The job of the runner failed.
    """
    _check_kinds(settings)
    blocks_above = dict(settings.blocks_above) | (dict.fromkeys(DISTANCES, 0.0) if settings.drift_blocks else {})
    severity = Severity(blocks_above, settings.max_examples)
    look = partial(
        examine, dataset, severity=severity, target=target, champion_statistics=champion_statistics, beam=beam
    )
    found = look(schema)
    files.write_whole(out / "statistics.pb", found.statistics.SerializeToString())
    for finding in found.findings:
        log.log(logging.ERROR if finding.blocks else logging.WARNING, "%s", finding.sentence)
    if found.blocking:
        files.write_json(out.parent / "validation.json", found.report())
        proposed = Proposal()
        if run_id:
            proposed = propose(
                found,
                again=look,
                severity=severity,
                label=target.column,
            )
        facts = proposed.write(out.parent, schema, run_id=run_id)
        where = first_lines(dataset.csv, found.blocking, name=dataset.name)
        told = [*(finding.sentence for finding in found.blocking), where, proposed.why_not]
        raise BlockedError([one for one in told if one], _cure(run_id) if facts else CURE, proposal=facts)
    files.write_json(out / "validation.json", found.report())
    warnings = [finding.sentence for finding in found.findings]
    for sentence in (
        *summary(found.counts, found.drift, schema.drift_thresholds, len(warnings)),
        *found.sentinel.sentences(),
    ):
        log.info("%s", sentence)
    return Accepted(out, dataset.sha256, found.counts.rows, dataset.csv, warnings, found.drift, dataset.name)


def _cure(run_id: str) -> str:
    return (
        "Fix the source. If the world has changed, look at the schema.pbtxt that this run proposes: python -m ml "
        f"schema diff {run_id}. Then take it, and run again: python -m ml schema accept {run_id} --reason '...'."
    )


OWN_KINDS = (
    "duplicate_id", "single_class", "unseen_label", "missing_target", "respelled", "no_feature",
    "label_leak", "id_tells_label", "label_noise",
)  # fmt: skip
"""The kinds of findings that a schema cannot express."""


def _check_kinds(settings: ValidateSettings) -> None:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    known = {*anomalies_pb2.AnomalyInfo.Type.keys(), *OWN_KINDS}
    for kind in settings.blocks_above:
        if kind not in known:
            raise SettingsError(
                f"validate.blocks_above.{kind}: unknown kind of anomaly.",
                f"Kinds are TFDV's (tensorflow_metadata's AnomalyInfo.Type), and {', '.join(OWN_KINDS)}.",
            )
