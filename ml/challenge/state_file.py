"""`challenge.json`: the bets so far, so that another check goes on where the last one stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ml.challenge.process import Process
from ml.errors import FinalError
from ml.registry.references.challengers import Challenger
from ml.storage import files
from ml.storage.root import Root
from ml.storage.strict_json import without_nan
from serving.records.private_files import written_beside


def processes_of(root: Root, challengers: Iterable[Challenger]) -> list[Process]:
    """Return the process of each challenger that has begun, with the bets that were made before.

    Raises:
        FinalError: The file holds something else, or a process with another level than the ledger's.
    """
    try:
        content = files.read_json(root.challenge) if root.challenge.exists() else {"challengers": []}
        known = {one.model_sha256: one for one in map(Process.of, content["challengers"])}
    except (LookupError, TypeError, ValueError) as error:
        raise _changed(root, f"it does not hold bets ({type(error).__name__}: {error})") from error
    found = []
    for one in challengers:
        assert one.alpha is not None  # noqa: S101 - it has begun
        new = Process(one.run_id, one.model_sha256, one.champion, one.alpha)
        before = known.get(one.model_sha256, new)
        if before.champion != one.champion:
            before = new
        if (before.alpha, before.run_id) != (one.alpha, one.run_id):
            raise _changed(root, f"the challenger of run {one.run_id} has another level or run than in the ledger")
        found.append(before)
    return found


def write(root: Root, champion: int | None, told: Iterable[Mapping[str, Any]], **facts: Any) -> dict[str, Any]:
    """Write the file, whole or not at all, and return its content. Only its owner may read it: it is about customers.

    The caller holds the lock of the challenge.
    """
    content: dict[str, Any] = without_nan({"champion": champion, **facts, "challengers": list(told)})
    with written_beside(root.challenge) as beside:
        beside.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return content


def _changed(root: Root, what: str) -> FinalError:
    return FinalError(
        f"{root.challenge}: {what}.",
        "Restore it from a backup. Without it the bets begin anew from the outcomes that are still there.",
    )
