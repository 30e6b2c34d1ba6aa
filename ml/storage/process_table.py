"""Processes by number and start time, so that a number which another process got since is never mistaken for ours.

Source of the fields: `/proc/PID/stat` in proc(5).
"""

from __future__ import annotations

from pathlib import Path

NOT_RUNNING = -1


def stat_fields(pid: int) -> list[str]:
    """Return the fields of `stat` from the state on (field 3); empty when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> int:
    """Return when the process started, in clock ticks since boot; `NOT_RUNNING` without one."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else NOT_RUNNING


def is_running(pid: int, started: int) -> bool:
    """Return whether the very process runs that has this number and this start time. A zombie does not."""
    fields = stat_fields(pid)
    return bool(fields) and int(fields[19]) == started and fields[0] not in "ZX"
