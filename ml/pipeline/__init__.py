"""The loop: its steps in order, a run and its record, the fingerprint, and all of it in one process."""
