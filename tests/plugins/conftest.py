"""Airflow is imported by these tests; it must find its own home first."""

from tests.airflow_home import use_temporary_home

use_temporary_home()
