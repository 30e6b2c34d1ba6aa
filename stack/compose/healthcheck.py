"""Health checks of the Airflow services: exit code 0 when it lives, else 1 and why.

    python stack/compose/healthcheck.py api             the API server answers and reaches its database
    python stack/compose/healthcheck.py SchedulerJob    this container's scheduler has shown a sign of life lately
                                                        (or DagProcessorJob, TriggererJob)

`airflow jobs check` says the same as the second, and takes seconds of CPU each time for it.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

HEALTH = "http://127.0.0.1:8080/api/v2/monitor/health"
DATABASE_URL = Path("/run/secrets/database_url")
MAX_AGE_SECONDS = 45.0  # Airflow's jobs show one every five seconds
QUERY = """
    SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job
    WHERE job_type = %s AND hostname = %s AND state = 'running'
"""


def main(what: str) -> str:
    """The reason why it is not alive; empty when it is."""
    return api() if what == "api" else heartbeat(what)


def api() -> str:
    """Whether the API server answers, with its database behind it."""
    with urlopen(HEALTH, timeout=8) as answer:
        status = json.load(answer)["metadatabase"]["status"]
    return "" if status == "healthy" else f"the database is {status}"


def heartbeat(job_type: str) -> str:
    """Whether the job in this container wrote its heartbeat into the database lately."""
    import psycopg2

    url = DATABASE_URL.read_text(encoding="utf-8").strip().replace("postgresql+psycopg2://", "postgresql://")
    try:
        connection = psycopg2.connect(url, connect_timeout=5, options="-c statement_timeout=5000")
        try:
            with connection.cursor() as cursor:
                cursor.execute(QUERY, (job_type, socket.gethostname()))
                age = cursor.fetchone()[0]
        finally:
            connection.close()
    except psycopg2.Error as error:
        return f"the database: {error}".strip()
    if age is None:
        return f"no {job_type} runs here"
    return "" if age <= MAX_AGE_SECONDS else f"the last heartbeat of {job_type} is {age:.0f} s old"


if __name__ == "__main__":
    try:
        reason = main(sys.argv[1])
    except (OSError, ValueError, KeyError) as error:
        reason = str(error)
    if reason:
        sys.exit(reason)
