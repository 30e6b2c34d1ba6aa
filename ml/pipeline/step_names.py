"""The names of the eight steps, in the order in which they run."""

from __future__ import annotations

STEPS = ("ingest", "validate", "transform", "train", "evaluate", "judge", "promote", "confirm")
