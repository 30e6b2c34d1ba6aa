"""The step that obtains the data: from Kaggle, the inbox, a path, or the built-in sample."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml.artifacts import Dataset
from ml.config.settings import BeamSettings, DataSettings
from ml.data.csv_copy import copy_csv, too_large
from ml.data.plain_csv import as_plain_csv
from ml.data.shards.source_files import INBOX, SourceFiles, is_remote, source_files
from ml.data.shards.unpacked import unpacked
from ml.storage.files import disk_errors
from ml.storage.root import Root

log = logging.getLogger("ml.data.ingest")


@dataclass(frozen=True)
class Obtained:
    """What was obtained: the files, what messages call them, where they came from, and whether they may be packed."""

    files: SourceFiles
    name: str
    source: str
    may_be_packed: bool = False


def ingest(
    settings: DataSettings,
    *,
    root: Root,
    out: Path,
    sleep: Callable[[float], None] = time.sleep,
    beam: BeamSettings | None = None,
) -> Dataset:
    """Write the customers to `out`/data.csv, whole or not at all: the bytes as obtained if they are a plain CSV.

    A workbook, or a CSV with other separators, decimal commas or another spelling of the header, is written as a plain
    CSV of the same rows (`as_plain_csv`). So is what is compressed by gzip or Zstandard, and Parquet (`unpacked`). The
    shards of a directory or a pattern are joined to one CSV (`join`); beside it `shards.json` says which they were.

    Args:
        settings: `source` is kaggle, sample, inbox:NAME, a path or one of a store; `max_bytes` limits each file,
            and what comes out.
        root: Where the inbox is.
        out: An empty directory.
        sleep: Waits a number of seconds between two attempts to download.
        beam: The section `beam`, whose options say how a store is reached.

    Returns:
        The data set: `sha256` of data.csv or of the manifest of its shards, `rows` below the header, and its source in
        a few words.

    Raises:
        SettingsError: The source names no file.
        FinalError: No credentials, a refusal by Kaggle or a store, or a file or directory that this user may not use.
        DataError: What was obtained is not a table of customers that can be read, has no rows, or is too large.
        TransientError: The network or the disk was in the way, which may pass.
    """
    with disk_errors(f"ingest into {out}"), tempfile.TemporaryDirectory(prefix=".obtain-", dir=out) as folder:
        obtained = _obtain(settings, root, Path(folder), sleep, beam)
        dataset = Dataset(path=out, sha256="", rows=0, source=obtained.source)
        for file in obtained.files.files:
            if file.stat().st_size > settings.max_bytes:
                raise too_large(f"{file if obtained.files.sharded else obtained.name}: the file is", settings.max_bytes)
        sha256, rows = _write(obtained, dataset.csv, Path(folder), settings.max_bytes)
    log.info("%s: %s rows, sha256 %s", obtained.source, f"{rows:,}", sha256)
    return Dataset(path=out, sha256=sha256, rows=rows, source=obtained.source)


def _write(obtained: Obtained, csv: Path, folder: Path, max_bytes: int) -> tuple[str, int]:
    """Write data.csv, and return the hash of the data and their number of rows."""
    name = obtained.name
    if obtained.files.sharded:
        from ml.data.shards.joined import join

        manifest = join(obtained.files, csv, name=name, max_bytes=max_bytes)
        return manifest.sha256, sum(shard.rows for shard in manifest.shards)
    (file,) = obtained.files.files
    inside = unpacked(file, folder, name=name, max_bytes=max_bytes) if obtained.may_be_packed else file
    plain = as_plain_csv(inside, folder / "plain.csv", name=name)
    facts = copy_csv(plain, csv, name=name, max_bytes=max_bytes)
    return facts.sha256, facts.rows


def _obtain(
    settings: DataSettings, root: Root, folder: Path, sleep: Callable[[float], None], beam: BeamSettings | None
) -> Obtained:
    if settings.source == "kaggle":
        from ml.data.kaggle.download import download

        label = f"{settings.dataset}/{settings.file}"
        return Obtained(_one(download(settings, folder=folder, sleep=sleep)), f"Kaggle {label}", f"kaggle:{label}")
    if settings.source == "sample":
        from ml.data.sample import write_csv

        made = folder / "sample.csv"
        write_csv(made, rows=settings.sample_rows, seed=settings.sample_seed)
        return Obtained(_one(made), "sample", f"sample:{settings.sample_rows} rows, seed {settings.sample_seed}")
    if is_remote(settings.source):
        from ml.data.shards.store import fetch

        options = beam.options if beam is not None else ()
        files = fetch(settings.source, folder, options=options, max_bytes=settings.max_bytes)
        return Obtained(files, settings.source, f"file:{settings.source}", may_be_packed=True)
    found = source_files(settings.source, root)
    assert found is not None  # noqa: S101 - the two other sources are above
    named = settings.source if settings.source.startswith(INBOX) else f"file:{_last_name(settings.source, found)}"
    return Obtained(found, settings.source, named, may_be_packed=True)


def _one(file: Path) -> SourceFiles:
    return SourceFiles((file,), sharded=False)


def _last_name(source: str, files: SourceFiles) -> str:
    """Return the name of the file, of the directory, or the pattern without what stands before it."""
    return Path(source).expanduser().name or files.files[0].parent.name
