"""The addresses that people are sent to: a run in Airflow, its report, the models page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class ReportLink(BaseOperatorLink):
    """The link to the report of its run, on the page of each task that has run."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's interface
        """Return the address of the report."""
        return report_url(ti_key.run_id)


def run_url(dag_id: str, run_id: str) -> str:
    """Return the address of a run in Airflow."""
    return _below_base(f"dags/{dag_id}/runs/{quote(run_id, safe='')}")


def report_url(run_id: str) -> str:
    """Return the address of the report of a retraining."""
    return _below_base(f"retraining/runs/{quote(run_id, safe='')}/report")


def models_url() -> str:
    """Return the address of the models page."""
    return _below_base("retraining/models")


def _below_base(path: str) -> str:
    """Return the address of a page of the API server; without `[api] base_url` one that is right in Airflow only."""
    from airflow.sdk.configuration import conf

    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/{path}"
