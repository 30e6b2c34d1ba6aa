"""Validation of the data: TFDV's statistics, the findings, and whether they block."""
