"""OpenLineage is a guest: the operator works without its provider, and says nothing that is not JSON."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS


def test_a_step_needs_no_provider(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("openlineage", "airflow.providers.openlineage"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "retraining.openlineage_facets", raising=False)
    monkeypatch.setitem(sys.modules, "openlineage", None)
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", None)
    made = task("train")
    assert made.run()["outcome"] == "done"
    with pytest.raises(ImportError):  # which its provider alone would ask for
        made.operator.get_openlineage_facets_on_complete(SimpleNamespace(run_id="a-run"))


def test_without_a_transport_the_provider_has_no_listener() -> None:
    from airflow.providers.openlineage.plugins.openlineage import OpenLineageProviderPlugin

    assert OpenLineageProviderPlugin.listeners == []


@pytest.mark.parametrize("step", STEPS)
def test_a_step_without_results_has_a_lineage_too(step: str) -> None:
    from retraining.openlineage_facets import lineage_of

    lineage = lineage_of(step, RunRecord(Path("a-run"), {}, {}))
    assert lineage.outputs == []
    assert set(lineage.run_facets) == {"retraining_step"}


def test_a_metric_that_is_not_a_number_is_null() -> None:
    from openlineage.client.serde import Serde

    from retraining.openlineage_facets import FACET, lineage_of

    results = {"evaluate": {"outcome": "done", "artifact": {"metrics": {"AUC": math.nan}}}}
    facet = Serde.to_dict(lineage_of("evaluate", RunRecord(Path("a-run"), results, {})).run_facets[FACET])
    assert "NaN" not in str(facet)
    assert "nan" not in str(facet)
