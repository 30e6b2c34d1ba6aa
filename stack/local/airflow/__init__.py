"""Airflow on this machine: its environment, its database, and its REST API."""
