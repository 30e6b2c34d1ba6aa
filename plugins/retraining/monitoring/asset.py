"""The asset whose event starts a retraining; both DAGs take it from here, since Airflow must see the same one."""

from __future__ import annotations

from airflow.sdk import Asset

CUSTOMER_DRIFT = Asset(name="customer_drift", uri="drift://customer-model")
