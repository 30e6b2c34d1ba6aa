"""Registers listener and pages with Airflow. It is thin, because Airflow executes this file under a name of its own."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from retraining.pages.mount import EXTERNAL_VIEWS, FASTAPI_APPS
from retraining.runs import listener


class RetrainingPlugin(AirflowPlugin):
    """The plugin that brings the models page, and the listener, which counts runs and notes what they came to."""

    name = "retraining"
    listeners = [listener]  # noqa: RUF012 - Airflow's interface
    fastapi_apps = FASTAPI_APPS
    external_views = EXTERNAL_VIEWS
