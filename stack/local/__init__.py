"""Airflow and the model server on one machine without containers: `make demo`, `up`, `down` and `retrain`."""
