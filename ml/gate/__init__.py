"""The gate: whether the candidate earned promotion, decided by pure functions that touch no file."""
