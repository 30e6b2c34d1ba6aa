"""The step that obtains the data: from Kaggle, the inbox, a path, or the built-in sample."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml.artifacts import Dataset
from ml.config.settings import DataSettings
from ml.data.csv_copy import copy_csv, too_large
from ml.data.local_path import NotAFileError, file_at
from ml.data.plain_csv import as_plain_csv
from ml.errors import FinalError, SettingsError
from ml.storage.files import disk_errors
from ml.storage.root import Root

INBOX = "inbox:"

log = logging.getLogger("ml.data.ingest")


@dataclass(frozen=True)
class Obtained:
    """A file that was obtained: where it is, what messages call it, and where it came from."""

    path: Path
    name: str
    source: str


def ingest(settings: DataSettings, *, root: Root, out: Path, sleep: Callable[[float], None] = time.sleep) -> Dataset:
    """Write the customers to `out`/data.csv, whole or not at all: the bytes as obtained if they are a plain CSV.

    A workbook, or a CSV with other separators, decimal commas or another spelling of the header, is written as a plain
    CSV of the same rows (`as_plain_csv`).

    Args:
        settings: `source` is kaggle, sample, inbox:NAME or a path; `max_bytes` limits the file.
        root: Where the inbox is.
        out: An empty directory.
        sleep: Waits a number of seconds between two attempts to download.

    Returns:
        The data set: `sha256` of data.csv, `rows` below the header, and its source in a few words.

    Raises:
        SettingsError: The source names no file.
        FinalError: No credentials, a refusal by Kaggle, or a file or directory that this user may not use.
        DataError: What was obtained is not a table of customers that can be read, has no rows, or is too large.
        TransientError: The network or the disk was in the way, which may pass.
    """
    with disk_errors(f"ingest into {out}"), tempfile.TemporaryDirectory(prefix=".obtain-", dir=out) as folder:
        obtained = _obtain(settings, root, Path(folder), sleep)
        dataset = Dataset(path=out, sha256="", rows=0, source=obtained.source)
        if obtained.path.stat().st_size > settings.max_bytes:
            raise too_large(f"{obtained.name}: the file is", settings.max_bytes)
        plain = as_plain_csv(obtained.path, Path(folder) / "plain.csv", name=obtained.name)
        facts = copy_csv(plain, dataset.csv, name=obtained.name, max_bytes=settings.max_bytes)
    log.info("%s: %s rows, sha256 %s", obtained.source, f"{facts.rows:,}", facts.sha256)
    return Dataset(path=out, sha256=facts.sha256, rows=facts.rows, source=obtained.source)


def local_file(source: str, root: Root) -> Path | None:
    """Return the file on this machine that `source` names; None for kaggle and sample.

    Raises:
        SettingsError: There is no such file.
        FinalError: This user may not read it.
    """
    if source in ("kaggle", "sample"):
        return None
    if source.startswith(INBOX):
        return _readable(root.inbox_file(source.removeprefix(INBOX)))
    try:
        return _readable(file_at(source))
    except NotAFileError as error:
        cure = "Give the path of a CSV, inbox:NAME, kaggle or sample."
        raise SettingsError(f"data.source = {source!r}: {error}.", cure) from None


def _obtain(settings: DataSettings, root: Root, folder: Path, sleep: Callable[[float], None]) -> Obtained:
    if settings.source == "kaggle":
        from ml.data.kaggle.download import download

        label = f"{settings.dataset}/{settings.file}"
        return Obtained(download(settings, folder=folder, sleep=sleep), f"Kaggle {label}", f"kaggle:{label}")
    if settings.source == "sample":
        from ml.data.sample import write_csv

        made = folder / "sample.csv"
        write_csv(made, rows=settings.sample_rows, seed=settings.sample_seed)
        return Obtained(made, "sample", f"sample:{settings.sample_rows} rows, seed {settings.sample_seed}")
    path = local_file(settings.source, root)
    assert path is not None  # noqa: S101 - the two other sources are above
    is_inbox = settings.source.startswith(INBOX)
    return Obtained(path, settings.source, settings.source if is_inbox else f"file:{path.name}")


def _readable(path: Path) -> Path:
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise FinalError(f"{path}: this user may not read it.", "Change its mode or owner.") from error
    return path
