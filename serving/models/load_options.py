"""How versions are polled and loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadOptions:
    """How versions are polled and loaded.

    Attributes:
        poll_seconds: The time between two polls of the file system; with 0 or less there is only one poll.
        max_load_retries: How often a failed load is tried again.
        load_retry_seconds: The time between two tries.
        labels_for_unavailable_versions: Whether a label may name a version that is not available.
        threads: The threads TensorFlow may use for one servable; 0 lets it choose.
        warm_up_rounds: How often each warm-up request is replayed; 0 skips the warm-up.
    """

    poll_seconds: float = 1.0
    max_load_retries: int = 0
    load_retry_seconds: float = 60.0
    labels_for_unavailable_versions: bool = False
    threads: int = 0
    warm_up_rounds: int = 1
