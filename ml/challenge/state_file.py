"""`challenge.json`: the bets so far, so that another check goes on where the last one stopped.

No check takes bets away. Those on challengers whom it does not look at, since another version serves or a file cannot
be read, stay under `earlier`: an entry in the ledger pays for one process, which goes on when the version serves again.
"""

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
    """Return the process of each of these challengers, which have begun, with the bets that were made before.

    Raises:
        FinalError: The file holds something else, or a process with another level than the ledger's.
    """
    known = _known(root)
    found = []
    for one in challengers:
        assert one.alpha is not None  # noqa: S101 - it has begun
        new = Process(one.run_id, one.model_sha256, one.champion, one.alpha)
        before = known.get((one.model_sha256, one.champion), new)
        if (before.alpha, before.run_id) != (one.alpha, one.run_id):
            raise _changed(root, f"the challenger of run {one.run_id} has another level or run than in the ledger")
        found.append(before)
    return found


def write(root: Root, champion: int | None, told: Iterable[Mapping[str, Any]], **facts: Any) -> dict[str, Any]:
    """Write the file, whole or not at all, and return its content. Only its owner may read it: it is about customers.

    The caller holds the lock of the challenge.

    Raises:
        FinalError: The file that is there holds something else.
    """
    told = list(told)
    now = {(one["model_sha256"], one["champion"]) for one in told}
    earlier = [process.as_dict() for key, process in _known(root).items() if key not in now]
    content: dict[str, Any] = without_nan({"champion": champion, **facts, "challengers": told, "earlier": earlier})
    with written_beside(root.challenge) as beside:
        beside.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return content


def _known(root: Root) -> dict[tuple[str, int], Process]:
    """The processes in the file, by model and champion."""
    try:
        content = files.read_json(root.challenge) if root.challenge.exists() else {"challengers": [], "earlier": []}
        processes = map(Process.of, [*content["challengers"], *content["earlier"]])
        return {(one.model_sha256, one.champion): one for one in processes}
    except (LookupError, TypeError, ValueError) as error:
        raise _changed(root, f"it does not hold bets ({type(error).__name__}: {error})") from error


def _changed(root: Root, what: str) -> FinalError:
    return FinalError(
        f"{root.challenge}: {what}.",
        "Restore it from a backup. Without it the bets begin anew from the outcomes that are still there.",
    )
