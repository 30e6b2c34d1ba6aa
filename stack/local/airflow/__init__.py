"""Airflow on this machine: its environment, its database and a client of its REST API."""
