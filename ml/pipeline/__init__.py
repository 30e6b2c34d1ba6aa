"""The pipeline: the steps in order, a run, its record and outcome, the fingerprint, and all steps in one process."""
