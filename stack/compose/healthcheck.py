"""Health checks of the Airflow services: exit code 0 for a healthy one, else 1 and the reason.

    python stack/compose/healthcheck.py api             the API server answers and reaches its database
    python stack/compose/healthcheck.py SchedulerJob    this container's scheduler has written a heartbeat lately
                                                        (or DagProcessorJob, TriggererJob)

`airflow jobs check` does the same as the second and takes seconds of CPU time at each call.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

HEALTH = "http://127.0.0.1:8080/api/v2/monitor/health"
DATABASE_URL = Path("/run/secrets/database_url")
MAX_AGE_SECONDS = 45.0  # Airflow's jobs write a heartbeat every five seconds
QUERY = """
    SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job
    WHERE job_type = %s AND hostname = %s AND state = 'running'
"""


def main(what: str) -> str:
    """The reason why a service is not healthy; empty when it is."""
    return api() if what == "api" else heartbeat(what)


def api() -> str:
    """The reason why the API server, or the database behind it, is not healthy."""
    with urlopen(HEALTH, timeout=8) as answer:
        status = json.load(answer)["metadatabase"]["status"]
    return "" if status == "healthy" else f"the database is {status}"


def heartbeat(job_type: str) -> str:
    """The reason why the job in this container is not healthy: it has no recent heartbeat in the database."""
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
