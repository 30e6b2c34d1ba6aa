"""A task of the DAG without a scheduler: the real operator, a real child process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from retraining.params import dag_params
from retraining.step_operator import StepOperator
from tests.airflow_home import fake_ml

RUN = "manual__2026-11-23T00:00:00+00:00"


class Task:
    """One step, run as Airflow would: a real operator, a real child process."""

    def __init__(self, step: str, plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RETRAIN_FAKE", json.dumps({step: plan}))
        self.operator = StepOperator(step=step, ml_python=str(fake_ml(Path(os.environ["RETRAIN_ROOT"]))))

    def run(self, run_id: str = RUN, who: str | None = "ada", conf: Any = None, **answers: Any) -> dict[str, Any]:
        params = {name: param.value for name, param in dag_params().items()} | answers
        context: Any = {
            "dag_run": SimpleNamespace(run_id=run_id, run_type="manual", triggering_user_name=who, conf=conf),
            "params": params,
        }
        return self.operator.execute(context)


def ends_killed(task: Task) -> None:
    """Runs it, in a thread of its own, until somebody ends it."""
    with pytest.raises(AirflowException, match="killed by signal"):
        task.run()
