"""Which data a run on this machine uses, and why."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.kaggle.credentials import credentials
from ml.data.local_path import NotAFileError, file_at
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.provenance import in_words, is_real, kind_of
from ml.storage.root import Root
from stack.local.errors import StackError
from stack.local.processes.yes_or_no import is_yes


@dataclass(frozen=True)
class DataSource:
    """Where the data of a run come from.

    Attributes:
        setting: The value of the setting `data.source`.
        reason: Why it was chosen, in words for a terminal.
    """

    setting: str
    reason: str


def find_data_source(given: str | None, root: Root) -> DataSource:
    """The data source that was asked for, else Kaggle if there are credentials, else the sample.

    The sample is no choice where a model of real data serves: then Kaggle stays, and ingest says what it lacks.

    Args:
        given: What the user asked for: kaggle, sample, or the path of a CSV, which is copied into the inbox.
        root: The root directory, in which the inbox is.

    Raises:
        StackError: The file does not exist or cannot be copied.
    """
    if given in ("kaggle", "sample"):
        return DataSource(given, f"{given}, as you asked")
    if given:
        try:
            return _from_file(file_at(given), root)
        except NotAFileError as error:
            raise StackError(f"DATA={given}: {error}. Give the path of a CSV file, or kaggle, or sample.") from None
    found = credentials()
    if found:
        return DataSource("kaggle", f"Kaggle, because there are credentials ({found})")
    missing = (
        "there are no Kaggle credentials (KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or "
        "~/.kaggle/kaggle.json) and no DATA=file.csv"
    )
    champion = Ledger(root.ledger).champion()
    if champion is not None and is_real(champion):
        return DataSource(
            "kaggle",
            f"none. Version {champion.number} was trained on {in_words(kind_of(champion.intent))}, which the built-in "
            f"sample must not replace, and {missing}. Until you give one of them, runs stop at ingest",
        )
    return DataSource("sample", f"the built-in SAMPLE of made-up customers, because {missing}")


def dag_run_conf(source: DataSource | None, *, force: bool) -> dict[str, Any]:
    """The conf of a DAG run: only the Params that were asked for."""
    return ({"data": source.setting} if source else {}) | ({"force": True} if force else {})


def is_forced() -> bool:
    """Whether the variable FORCE asks for a run although nothing is new.

    Raises:
        StackError: The variable is neither a yes nor a no.
    """
    return is_yes("FORCE")


def _from_file(file: Path, root: Root) -> DataSource:
    name = re.sub(r"[^\w.-]", "_", file.name, flags=re.ASCII)
    target = root.inbox / name
    root.inbox.mkdir(parents=True, exist_ok=True)
    if not (target.exists() and target.samefile(file)):
        beside = root.inbox / f".{name}.{os.getpid()}"
        try:
            shutil.copyfile(file, beside)
            beside.replace(target)
        except OSError as error:
            raise StackError(f"DATA={file}: cannot be copied to {target}: {error.strerror}.") from error
        finally:
            beside.unlink(missing_ok=True)
    return DataSource(f"inbox:{name}", f"{file}, as you asked (copied to {target})")
