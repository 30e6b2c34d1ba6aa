"""How what the monitoring finds starts a retraining: an asset, its event, and the reason that the run reads from it."""
