"""The operator of the task that writes the report of its run."""

from __future__ import annotations

from typing import Any

from retraining.command_operator import CommandOperator
from retraining.runs.links import ReportLink


class ReportOperator(CommandOperator):
    """Runs `ML_PYTHON -m ml report RUN_ID`. As a teardown it runs after everything else, and never decides the run."""

    operator_extra_links = (ReportLink(),)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(arguments=["report", "{{ run_id }}"], do_xcom_push=False, **kwargs)
