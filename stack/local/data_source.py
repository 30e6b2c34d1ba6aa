"""Which data a run on this machine uses, and why, in one line."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.kaggle.credentials import credentials
from ml.storage.root import Root
from stack.local.errors import StackError


@dataclass(frozen=True)
class DataChoice:
    """`source` as the settings know it; `why` is for people."""

    source: str
    why: str


def choose_data(given: str | None, root: Root) -> DataChoice:
    """What is `given` (a file is copied into the inbox), else Kaggle when credentials are there, else the sample.

    Raises:
        StackError: The file does not exist or cannot be copied.
    """
    if given in ("kaggle", "sample"):
        return DataChoice(given, f"{given}, as you asked")
    if given:
        return _from_file(Path(given).expanduser(), root)
    found = credentials()
    if found:
        return DataChoice("kaggle", f"Kaggle, because there are credentials ({found})")
    return DataChoice(
        "sample",
        "the built-in sample of made-up customers, because there are no Kaggle credentials "
        "(KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or ~/.kaggle/kaggle.json) and no DATA=file.csv",
    )


def conf_of(data: DataChoice | None, *, force: bool) -> dict[str, Any]:
    """What a run is asked for, as the Params of the DAG."""
    return ({"data": data.source} if data else {}) | ({"force": True} if force else {})


def is_forced() -> bool:
    """Whether `FORCE` asks for a repetition.

    Raises:
        StackError: It says neither yes nor no.
    """
    said = os.environ.get("FORCE", "").lower()
    if said in ("", "0", "no", "false", "off"):
        return False
    if said in ("1", "yes", "true", "on"):
        return True
    raise StackError(f"FORCE={said}: say FORCE=1, or leave it out.")


def _from_file(file: Path, root: Root) -> DataChoice:
    if not file.is_file():
        found = "this is a directory" if file.is_dir() else "no such file"
        raise StackError(f"DATA={file}: {found}. Give the path of a CSV, or kaggle, or sample.")
    name = re.sub(r"[^\w.-]", "_", file.name, flags=re.ASCII)
    place = root.inbox / name
    root.inbox.mkdir(parents=True, exist_ok=True)
    if not (place.exists() and place.samefile(file)):
        beside = root.inbox / f".{name}.{os.getpid()}"
        try:
            shutil.copyfile(file, beside)
            beside.replace(place)
        except OSError as error:
            raise StackError(f"DATA={file}: cannot be copied to {place}: {error.strerror}.") from error
        finally:
            beside.unlink(missing_ok=True)
    return DataChoice(f"inbox:{name}", f"{file}, as you asked (copied to {place})")
