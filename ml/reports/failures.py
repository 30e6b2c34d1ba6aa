"""Pages and cards that could not be written: a line for each, which the exporter counts."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime

from ml.errors import printable
from ml.storage.root import Root

log = logging.getLogger(__name__)


def count_failure(root: Root, what: str, error: Exception, **about: str | int) -> None:
    """Say that something could not be written, and add a line to what the exporter counts; nothing is raised.

    Args:
        root: Where `report_failures` is.
        what: Names it in the log, such as "the report of run r1".
        error: Why.
        about: What else the line says: the run, or the version.
    """
    log.warning("%s could not be written: %s", what, printable(error))
    log.debug("why", exc_info=error)
    line = {"at": datetime.now(UTC).isoformat(), **about, "error": f"{type(error).__name__}: {error}"[:500]}
    try:
        root.reports.mkdir(parents=True, exist_ok=True)
        handle = os.open(root.report_failures, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, (json.dumps(line) + "\n").encode())
        finally:
            os.close(handle)
    except OSError as disk:
        log.warning("%s: the failure could not be counted: %s", root.report_failures, disk)
