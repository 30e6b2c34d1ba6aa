"""Scores a CSV of customers through a model server: `python -m serving.score customers.csv --out scored.csv`."""
