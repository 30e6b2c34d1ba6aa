"""Puts the version that serves, and no other, where the image's Dockerfile takes it from.

    python -m ml status --json | python -m serving.railway.stage

What `python -m ml status --json` says is read from stdin: this room knows nothing of the ledger.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, TextIO

MODELS = Path(__file__).parent / "models"


class StageError(Exception):
    """There is no version to stage; the message says why and what to do."""


def stage(status: dict[str, Any], models: Path = MODELS) -> Path:
    """Replaces `models` by a directory that holds one version of one model; returns the version's place in it.

    Args:
        status: "model", "version" and "directory" are used.
        models: its parent must be writable. What it held before is gone, or untouched when this fails.

    Raises:
        StageError: no version was confirmed yet, or its directory is not a SavedModel.
    """
    version = status.get("version")
    if version is None:
        raise StageError("No version was confirmed yet. Run the loop first: python -m ml retrain.")
    source = Path(status["directory"])
    if not (source / "saved_model.pb").is_file():
        raise StageError(f"{source}: no SavedModel there. Restore it from a backup, or roll back.")
    place = Path(str(status["model"])) / str(version)
    made, old = models.with_name(f".{models.name}.new"), models.with_name(f".{models.name}.old")
    for leftover in (made, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(source, made / place)
    for path in (made, *made.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the umask was: the server runs as another user
    if models.exists():
        models.rename(old)
    made.rename(models)
    shutil.rmtree(old, ignore_errors=True)
    return models / place


def main(stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """0 when a version is staged."""
    try:
        status = json.load(stdin)
        place = stage(status)
    except StageError as error:
        stderr.write(f"serving.railway.stage: {error}\n")
        return 1
    except ValueError:
        stderr.write("serving.railway.stage: stdin is no JSON. Pipe `python -m ml status --json` into it.\n")
        return 2
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    stdout.write(f"staged version {status['version']} of {status['model']} ({size / 1e6:.1f} MB) at {place}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin, sys.stdout, sys.stderr))
