"""Registers what is ours with Airflow. Thin, because Airflow executes this file under a name of its own."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from retraining import run_listener


class RetrainingPlugin(AirflowPlugin):
    """The listener that counts runs."""

    name = "retraining"
    listeners = [run_listener]  # noqa: RUF012 - Airflow's interface
