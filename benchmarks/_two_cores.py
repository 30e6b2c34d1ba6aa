"""What the benchmarks of the gateway need of the machine: `wrk`, and two cores, so that it does not measure itself."""

from __future__ import annotations

import os
import shutil
import sys


def two_cores() -> tuple[int, int]:
    """Return the numbers of two cores; without them, or without `wrk`, end the process with a sentence."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed. Install it with: apt-get install -y wrk")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("This needs two cores; only one may be used here.")
    return cpus[0], cpus[1]
