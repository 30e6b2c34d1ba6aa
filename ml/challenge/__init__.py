"""Kept candidates that challenge the champion on outcomes of customers whom neither of them has seen."""
