"""Who may see the pages, and which of their buttons: whoever may see, or trigger, the DAGs behind them in Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends

RETRAINING, ROLLBACK, QUARANTINE, APPROVAL = (
    "customer_retraining",
    "customer_rollback",
    "customer_quarantine",
    "customer_approval",
)
DAG_IDS = (RETRAINING, ROLLBACK, QUARANTINE, APPROVAL, "customer_probation", "customer_monitoring")

may_read = Depends(requires_access_dag("GET", param_dag_id=RETRAINING))
"""Refuses a request with 401 without a valid log-in, with 403 when its user may not see the DAG."""


@dataclass(frozen=True)
class Permissions:
    """What a user may start or answer; Airflow's API checks it again when it is asked."""

    trigger: bool
    rollback: bool
    quarantine: bool
    answer: bool

    @property
    def any(self) -> bool:
        """Whether the user may do anything at all besides reading."""
        return self.trigger or self.rollback or self.quarantine or self.answer


def permissions(user: Annotated[Any, Depends(get_user)]) -> Permissions:
    """Return what the user of a request may do."""

    def may(method: Any, dag_id: str, entity: DagAccessEntity) -> bool:
        details = DagDetails(id=dag_id)
        return get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user)

    return Permissions(
        trigger=may("POST", RETRAINING, DagAccessEntity.RUN),
        rollback=may("POST", ROLLBACK, DagAccessEntity.RUN),
        quarantine=may("POST", QUARANTINE, DagAccessEntity.RUN),
        answer=may("PUT", APPROVAL, DagAccessEntity.HITL_DETAIL),
    )


UserPermissions = Annotated[Permissions, Depends(permissions)]
