"""What a step tells OpenLineage: datasets in and out with their hashes, rows, metrics, and the model's version.

Only Airflow's OpenLineage provider asks for it, and only when somebody has configured where its events go. This module
needs it; nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.openlineage import conf
from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import Dataset, InputDataset, OutputDataset
from openlineage.client.facet_v2 import RunFacet, dataset_version_dataset, output_statistics_output_dataset

from ml.pipeline.outcome import error_of
from ml.pipeline.run_record import RunRecord
from ml.storage.strict_json import without_nan

FACET = "retraining_step"
"""The name of the run facet with everything that no facet of the standard has a place for."""
SOURCE, SERVED = "source", "customer-model"
READS = {
    "ingest": (SOURCE,),
    "validate": ("customers",),
    "transform": ("accepted-customers",),
    "train": ("examples",),
    "evaluate": ("examples", "candidate"),
    "judge": ("evaluation",),
    "promote": ("candidate", "verdict"),
    "confirm": (SERVED,),
}
MAKES = {
    "ingest": "customers",
    "validate": "accepted-customers",
    "transform": "examples",
    "train": "candidate",
    "evaluate": "evaluation",
    "judge": "verdict",
    "promote": SERVED,
}
_MAKER = {name: step for step, name in MAKES.items()}


def lineage_of(step: str, record: RunRecord) -> OperatorLineage[Any, Any]:
    """Return the lineage of a step that has ended, from what it and the steps before it left in the run's files.

    The names of datasets are the same for every run, and their version is the hash of what this run made; that of
    the served model is its number. A step that made nothing has no output, and ingest then no input: nobody knows what
    it would have got.
    """
    made = record.artifact(step)
    inputs = [_dataset(InputDataset, name, record) for name in READS[step] if made or name != SOURCE]
    outputs = []
    if step in MAKES and made:
        output = _dataset(OutputDataset, MAKES[step], record)
        rows = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=made.get("rows"))
        output.outputFacets = {"outputStatistics": rows}
        outputs.append(output)
    facet = RunFacet().with_additional_properties(**_facts(step, record))
    return OperatorLineage(inputs=inputs, outputs=outputs, run_facets={FACET: facet})


def _dataset(kind: type[Dataset], name: str, record: RunRecord) -> Any:
    """Return the dataset; where data come from outside, its name is that of their source."""
    made = record.artifact(_MAKER.get(name, "ingest"))
    version = made.get("version") if name == SERVED else made.get("sha256")
    facets = {}
    if version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(version))
    shown = str(made.get("source", name)) if name == SOURCE else name
    return kind(namespace=conf.namespace(), name=shown, facets=facets)


def _facts(step: str, record: RunRecord) -> dict[str, Any]:
    result, verdict = record.results.get(step, {}), record.artifact("judge")
    judged = record.artifact(step) if step in ("evaluate", "judge") else verdict
    error = error_of(result)
    facts = {
        "step": step,
        "outcome": result.get("outcome"),
        "runId": record.directory.name,
        "dataSha256": record.artifact("ingest").get("sha256"),
        "modelSha256": record.artifact("train").get("sha256"),
        "error": {name: str(error.get(name, "")) for name in ("type", "what", "cure")} if error else None,
    }
    if step in ("evaluate", "judge", "promote", "confirm"):
        facts |= {
            "metrics": _mapping(judged.get("metrics")),
            "championVersion": judged.get("champion_version"),
            "championMetrics": _mapping(judged.get("champion_metrics")),
        }
    if step in ("judge", "promote", "confirm"):
        facts |= {"promotes": verdict.get("promotes"), "reasons": record.reasons if verdict else []}
    if step in ("promote", "confirm"):
        facts["modelVersion"] = record.artifact(step).get("version")
    return dict(without_nan({name: value for name, value in facts.items() if value is not None}))


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
