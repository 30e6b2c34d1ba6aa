"""Jobs on Prism that wait for the tests: settings of a pool, and a pipe as a shard."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ml.config.settings import BeamSettings
from stack.prism.cluster import Cluster

DEADLINE = 120.0


def on(cluster: Cluster, pool: int, *, deadline: float = DEADLINE) -> BeamSettings:
    return BeamSettings("PortableRunner", cluster.options(pool), deadline, "")


def waits_for_data(shard: Path, *, within: float = DEADLINE) -> int:
    """The end of a pipe, once somebody waits at the other end: then a worker is in the middle of this shard."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            return os.open(shard, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody there yet
            time.sleep(0.05)
    raise AssertionError(f"nobody opened {shard}")
