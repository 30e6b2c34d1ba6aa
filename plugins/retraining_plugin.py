"""Registers the listener with Airflow. It is thin, because Airflow executes this file under a name of its own."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from retraining import run_listener


class RetrainingPlugin(AirflowPlugin):
    """The plugin that brings the listener, which counts runs."""

    name = "retraining"
    listeners = [run_listener]  # noqa: RUF012 - Airflow's interface
