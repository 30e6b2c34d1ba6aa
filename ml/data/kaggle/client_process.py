"""One download by the real Kaggle client, in a process of its own.

The client blocks without a time-out (at its import too, where it checks an access token), prints, may exit, and
creates directories. In a process of its own all this is harmless: the parent ends it at the deadline and reads from
`report.json` what it met. The report names neither addresses (a signed one is a secret) nor credentials.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from ml.data.kaggle.connection_trouble import trouble_report
from ml.data.kaggle.credentials import config_directory, find_credentials
from ml.storage.files import write_json
from ml.storage.parent_death import die_with

REPORT = "report.json"
PAYLOAD = "payload"
CHUNK = 1 << 18
PROGRESS_BYTES = 16 << 20
_LONGEST_NAME = 255

ClientReport = dict[str, Any]


def fetch(dataset: str, file: str, *, folder: Path, max_bytes: int) -> ClientReport:
    """Download `file` of `dataset` to `folder`/payload as the server sends it, which may be a zip.

    Returns:
        `kind` and facts: done (bytes), too_large (bytes), cut (bytes, expected), status (status, retry_after),
        login, not_installed (error), failed (error), and those of `trouble_report`.
    """
    try:
        import requests
        from kaggle import KaggleApi, api
        from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest
    except ImportError as error:
        return {"kind": "not_installed", "error": str(error)}
    try:
        if KaggleApi.CONFIG_NAME_AUTH_METHOD not in api.config_values:
            api.authenticate()  # the import tried this and swallowed the reason
        owner, slug, version = api.split_dataset_string(dataset)
        request = ApiDownloadDatasetRequest()
        request.owner_slug, request.dataset_slug, request.file_name = owner, slug, file
        request.dataset_version_number = int(version) if version else None
        with api.build_kaggle_client() as client:
            response = client.datasets.dataset_api_client.download_dataset(request)
            with response:
                return _save(response, folder / PAYLOAD, max_bytes)
    except SystemExit:
        return {"kind": "login"}
    except requests.HTTPError as error:
        return _status(error.response)
    except OSError as error:  # those of requests are some, too
        return trouble_report(error)
    except Exception as error:  # what the client raises is not documented; the parent reports its kind
        return {"kind": "failed", "error": type(error).__name__}


def _save(response: Any, payload: Path, max_bytes: int) -> ClientReport:
    import requests

    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isdecimal() else None
    if expected is not None and expected > max_bytes:
        return {"kind": "too_large", "bytes": expected}
    size = 0
    with payload.open("wb") as out:
        try:
            for chunk in response.iter_content(CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    return {"kind": "too_large", "bytes": size}
                out.write(chunk)
                if size // PROGRESS_BYTES > (size - len(chunk)) // PROGRESS_BYTES:
                    sys.stdout.write(f"received {size:,} bytes of {expected or 'an unknown number'}\n")
                    sys.stdout.flush()
        except requests.RequestException:
            return {"kind": "cut", "bytes": response.raw.tell(), "expected": expected}  # as sent, perhaps compressed
    return {"kind": "done", "bytes": size}


def _status(response: Any) -> ClientReport:
    status = response.status_code
    if status < 400:  # the client also raises for an error that is told in the JSON of a 200
        status = response.json()["code"]
    return {"kind": "status", "status": status, "retry_after": response.headers.get("Retry-After")}


def _prepare(environment: MutableMapping[str, str], folder: Path) -> None:
    """Remove from the environment what makes the client leak secrets or misread its configuration.

    Set `VERBOSE`, it prints the Authorization header of each request; an empty variable hides what a file holds;
    and its import creates its configuration directory, in a home that may not be writable.
    """
    for name in ("VERBOSE", "VERBOSE_OUTPUT"):
        environment.pop(name, None)
    for name in [name for name, value in environment.items() if name.startswith("KAGGLE_") and not value]:
        del environment[name]
    found = find_credentials(environment)
    if found is not None and found.variables:
        # The client would not strip what editors put around a token, and takes each letter as it is.
        for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
            environment.pop(name, None)
        environment.update(found.variables)
        if len(environment.get("KAGGLE_API_TOKEN", "")) > _LONGEST_NAME:
            environment["KAGGLE_API_TOKEN"] = str(_token_file(environment["KAGGLE_API_TOKEN"], folder))
    if not config_directory(environment).exists():
        environment["KAGGLE_CONFIG_DIR"] = str(folder / "config")


def _token_file(token: str, folder: Path) -> Path:
    """Write a token that is longer than a file's name: the client tries it as one, and would fail and quote it."""
    path = folder / "token"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token)
    return path


def main(arguments: list[str]) -> None:
    """Fetch what the arguments `DATASET FILE FOLDER MAX_BYTES PARENT_PID` name, and write the report."""
    dataset, file, folder, max_bytes, parent = arguments
    die_with(int(parent))
    _prepare(os.environ, Path(folder))
    write_json(Path(folder) / REPORT, fetch(dataset, file, folder=Path(folder), max_bytes=int(max_bytes)))


if __name__ == "__main__":
    main(sys.argv[1:])
