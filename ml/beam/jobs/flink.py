"""Flink's REST API: ending the jobs of one name on a cluster, which Beam's job server leaves to themselves."""

from __future__ import annotations

import time
from typing import Any

from ml.errors import TransientError
from serving.client.transport import TransportError, request

CALL_SECONDS = 5.0
POLL_SECONDS = 0.2
OVER = ("FINISHED", "CANCELED", "FAILED")


def end_flink_jobs(master: str, name: str, *, seconds: float, is_coming: bool) -> list[str]:
    """Cancel the jobs of a name on a Flink cluster, and wait until they have ended.

    Beam's job server calls a job cancelled and asks no more for it, while Flink goes on with it.

    Args:
        master: Where Flink's REST API is, as in Beam's option `--flink_master`.
        name: Of the job; Flink has it from Beam.
        seconds: How long to wait, for everything.
        is_coming: Whether the job may be on its way to Flink, so that it is waited for.

    Returns:
        The ids of what was cancelled.

    Raises:
        TransientError: Flink does not answer, the job still goes on, or it has not come.
    """
    url = master if "://" in master else f"http://{master}"
    deadline = time.monotonic() + seconds
    cancelled: list[str] = []
    while True:
        left = max(0.1, min(CALL_SECONDS, deadline - time.monotonic()))
        found = {
            job["jid"]: job["state"]
            for job in _ask("GET", f"{url}/jobs/overview", left, name)["jobs"]
            if job["name"] == name
        }
        going = {job: state for job, state in found.items() if state not in OVER}
        if not going and (found or not is_coming):
            return cancelled
        for job in going.keys() - {*cancelled}:
            _ask("PATCH", f"{url}/jobs/{job}?mode=cancel", left, name)
            cancelled.append(job)
        if time.monotonic() > deadline:
            states = ", ".join(f"{job} is {state}" for job, state in going.items()) or "it does not know it yet"
            raise TransientError(
                f"Job {name} was cancelled, and after {seconds:g} s Flink at {master} says: {states}.",
                "Try again; the pages of Flink say what it waits for.",
            )
        time.sleep(POLL_SECONDS)


def _ask(method: str, url: str, seconds: float, name: str) -> Any:
    """What Flink answers, as from JSON."""
    try:
        answer = request(method, url, timeout=seconds)
        if answer.status not in (200, 202):
            raise TransportError(f"{url} answered {answer.status}")
        return answer.json()
    except (TransportError, ValueError) as error:
        raise TransientError(
            f"Whether job {name} goes on, Flink does not say ({error}).",
            "Start that cluster, or see that it can be reached under --flink_master; then try again.",
        ) from error
