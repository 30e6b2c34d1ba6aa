"""Airflow and the model server on one machine, without containers: what `make demo`, `up`, `down`, `retrain` run."""
