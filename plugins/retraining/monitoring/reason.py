"""Why a run of the retraining began, as Airflow knows it: its schedule, a person, or an event of the monitoring."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from ml.registry.policy.trigger import BY_HAND, WEEKLY, Trigger
from retraining.monitoring.asset import CUSTOMER_DRIFT

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
SCHEDULED, BY_ASSET = "scheduled", "asset_triggered"
"""Airflow's words for the types of runs that nobody started by hand."""


def reason_of(context: Context) -> Trigger:
    """Return why the run of this task began.

    Of several events the newest counts: each names all that asked for a retraining on its day. One without findings
    was made by a person, in Airflow's pages or over its API.
    """
    kind = str(getattr(context["dag_run"].run_type, "value", context["dag_run"].run_type))
    if kind == SCHEDULED:
        return Trigger(WEEKLY)
    if kind != BY_ASSET:
        return Trigger(BY_HAND)
    events = list(context["triggering_asset_events"].get(CUSTOMER_DRIFT, ()))
    if not events:
        return Trigger(BY_HAND)
    newest = max(events, key=lambda event: event.timestamp)
    try:
        return Trigger.of_findings(newest.extra)
    except ValueError as error:
        log.warning("the event of %s says no reason: %s", CUSTOMER_DRIFT.name, error)
        return Trigger(BY_HAND)


def trigger_option(context: Context) -> list[str]:
    """Return the option of `python -m ml ingest` that says why the run began."""
    trigger = reason_of(context)
    return [f"--trigger={json.dumps(trigger.as_dict()) if trigger.findings else trigger.kind}"]
