"""Staging: puts the version that serves, and no other, where the image's Dockerfile copies it from.

    python -m ml status --json | python -m serving.railway.stage

The output of `python -m ml status --json` is read from stdin: serving knows nothing of the ledger.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, TextIO

MODELS = Path(__file__).parent / "models"
MODEL = "customer-model"
"""The only model that models.config, nginx.conf and railway.json of the image name."""


class StageError(Exception):
    """No version can be staged; the message says why and what to do."""


class InputError(StageError):
    """The input is not the output of `python -m ml status --json`."""


def stage(status: Any, models: Path = MODELS) -> Path:
    """Replaces `models` with a directory that holds one version of one model.

    Args:
        status: A JSON object; "model", "version" and "directory" are used.
        models: The directory; its parent must be writable. After an error it is what it was before.

    Returns:
        The directory of the version in it.

    Raises:
        InputError: `status` is something else.
        StageError: No version has been confirmed yet, it is of another model, or its directory is not a SavedModel.
    """
    version, source = _served(status)
    if not (source / "saved_model.pb").is_file():
        raise StageError(f"{source}: there is no SavedModel. Restore it from a backup, or roll back.")
    relative = Path(MODEL) / str(version)
    made, old = models.with_name(f".{models.name}.new"), models.with_name(f".{models.name}.old")
    for leftover in (made, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(source, made / relative)
    for path in (made, *made.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the umask was: the server runs as another user
    if models.exists():
        models.rename(old)
    made.rename(models)
    shutil.rmtree(old, ignore_errors=True)
    return models / relative


def _served(status: Any) -> tuple[int, Path]:
    if not isinstance(status, dict):
        raise InputError("stdin is not a JSON object. Pipe `python -m ml status --json` into it.")
    version = status.get("version")
    if version is None:
        raise StageError("No version has been confirmed yet. Run the loop first: python -m ml retrain.")
    directory, model = status.get("directory"), status.get("model")
    if type(version) is not int or version < 1 or not isinstance(directory, str) or not isinstance(model, str):
        raise InputError("stdin lacks a version, a model or a directory. Pipe `python -m ml status --json` into it.")
    if model != MODEL:
        raise StageError(
            f"The model is {model!r}, and the image serves {MODEL} only: its models.config, nginx.conf and health "
            f"check name it. Retrain as {MODEL}, or change those and serving/railway/stage.py."
        )
    return version, Path(directory)


def main(stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Stages a version; 0 when it is staged, 2 when stdin is not a status, 1 when there is no version to stage."""
    try:
        status = json.load(stdin)
        staged = stage(status)
    except StageError as error:
        stderr.write(f"serving.railway.stage: {error}\n")
        return 2 if isinstance(error, InputError) else 1
    except ValueError:
        stderr.write("serving.railway.stage: stdin is not JSON. Pipe `python -m ml status --json` into it.\n")
        return 2
    size = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
    of_sample = ", a SAMPLE of made-up customers," if status.get("sample") else ""
    what = f"version {status['version']}{of_sample} of {status['model']}"
    stdout.write(f"staged {what} ({size / 1e6:.1f} MB) at {staged}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin, sys.stdout, sys.stderr))
