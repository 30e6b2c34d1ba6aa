"""Downloads a file of a Kaggle data set with Kaggle's own client, and tries again when that can help."""

from __future__ import annotations

import logging
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Timer

from ml.config.settings import DataSettings
from ml.data.kaggle.client_process import PAYLOAD, REPORT, ClientReport
from ml.data.kaggle.credentials import CURE, credentials
from ml.data.kaggle.errors import RetryableError, error_from_report
from ml.data.kaggle.zip_archive import BadZipError, extract_member, is_zip
from ml.errors import FinalError, SettingsError
from ml.storage.files import read_json
from ml.storage.root import PROJECT

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

log = logging.getLogger("ml.data.ingest")


def download(settings: DataSettings, *, folder: Path, sleep: Callable[[float], None] = time.sleep) -> Path:
    """Download `settings.file` of `settings.dataset` into `folder`, and return the unpacked file, not yet checked.

    Args:
        settings: Data set, file, attempts, the time-out of one attempt in seconds, the limit in bytes.
        folder: A directory for this download alone.
        sleep: Waits a number of seconds between two attempts: 1, 2, 4... up to 60, each shortened at random by up
            to a half so that many clients do not come back at once; or what the server asks for, up to 300.

    Raises:
        SettingsError: `settings.dataset` is not of the form owner/name.
        FinalError: No credentials, or Kaggle answered 401, 403, 404 or another refusal.
        DataError: What came is too large, a damaged zip in every attempt, or a zip without the file.
        TransientError: Time-outs, lost connections, 429 or 5xx in all attempts.
        OSError: The disk refused.
    """
    owner, _, name = settings.dataset.partition("/")
    name, _, version = name.partition("/")
    if not owner or not name or not (version or "0").isdecimal():
        raise SettingsError(
            f"data.dataset = {settings.dataset!r}: not of the form owner/name.",
            "It is the end of the data set's address: kaggle.com/datasets/owner/name.",
        )
    account = credentials()
    if account is None:
        raise FinalError(f"Kaggle: no credentials to download {settings.dataset}.", CURE)
    attempt = 1
    while True:
        log.info("Kaggle: attempt %d of %d with %s", attempt, settings.attempts, account)
        place = folder / f"attempt-{attempt}"
        place.mkdir()
        try:
            return _attempt(settings, place, account)
        except RetryableError as problem:
            if attempt == settings.attempts:
                raise problem.after(attempt) from problem
            pause = _pause(attempt) if problem.pause is None else problem.pause
            log.warning("%s The next attempt is in %.1f s.", problem.error.what, pause)
        shutil.rmtree(place)
        sleep(pause)
        attempt += 1


def _attempt(settings: DataSettings, place: Path, account: str) -> Path:
    report = _run_client(settings, place)
    if report["kind"] != "done":
        raise error_from_report(report, settings, account)
    payload = place / PAYLOAD
    log.info("Kaggle: received %s bytes", f"{report['bytes']:,}")
    if not is_zip(payload):
        return payload
    unpacked = place / "unpacked"
    name = f"Kaggle {settings.dataset}"
    try:
        extract_member(payload, settings.file, target=unpacked, name=name, max_bytes=settings.max_bytes)
    except BadZipError as error:
        raise RetryableError(error) from error
    log.info("Kaggle: unpacked %s, %s bytes", settings.file, f"{unpacked.stat().st_size:,}")
    return unpacked


def _run_client(settings: DataSettings, place: Path) -> ClientReport:
    """Return the report of the client process, which is ended after `timeout_seconds`, whatever it is waiting for."""
    arguments = [settings.dataset, settings.file, str(place.absolute()), str(settings.max_bytes), str(os.getpid())]
    with subprocess.Popen(
        [sys.executable, "-m", "ml.data.kaggle.client_process", *arguments],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as client:
        expired = Event()

        def end() -> None:
            expired.set()
            client.kill()

        deadline = Timer(settings.timeout_seconds, end)
        deadline.start()
        try:
            for line in client.stdout or ():
                level = logging.INFO if line.startswith(("received ", "Warning")) else logging.DEBUG
                log.log(level, "Kaggle client: %s", line.rstrip())
            code = client.wait()
        finally:
            deadline.cancel()
            client.kill()
    if (place / REPORT).exists():
        return dict(read_json(place / REPORT))
    if expired.is_set():
        return {"kind": "timeout"}
    return {"kind": "failed", "error": f"it ended with exit code {code}"}


def _pause(attempt: int) -> float:
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return float(longest * random.uniform(0.5, 1))  # noqa: S311 - jitter, not a secret
