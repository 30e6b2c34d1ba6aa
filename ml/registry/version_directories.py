"""The directories that TensorFlow Serving takes for versions, and those among them that the ledger does not know."""

from __future__ import annotations

from pathlib import Path

from ml.errors import FinalError
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from serving.models.version_source import version_number


def version_names(base: Path) -> dict[str, int]:
    """Return the names below a model's directory that a model server takes for versions, with the number of each.

    A name counts, whatever is behind it: the server does not look inside first.
    """
    if not base.is_dir():
        return {}
    numbers = {path.name: version_number(path.name) for path in base.iterdir()}
    return {name: number for name, number in numbers.items() if number is not None}


def unknown_versions(root: Root, model: str) -> list[Path]:
    """Return what a model server would serve as a version of `model`, and the ledger does not know as one.

    Version 0 and other spellings of a known number (007, +7) are among them.
    """
    known, base = Ledger(root.ledger).versions(), root.models / model
    found = version_names(base)
    return [
        base / name
        for name in sorted(found, key=lambda name: (found[name], name))
        if found[name] not in known or name != str(found[name])
    ]


def require_known(root: Root, model: str) -> None:
    """Check that every version that a server sees stands in the ledger, and that the ledger is as it was written.

    Raises:
        FinalError: A version does not: the ledger was lost, or somebody put a directory there.
        LedgerChangedError: A line of the ledger was changed, removed, moved or inserted.
    """
    unknown = unknown_versions(root, model)
    if not unknown:
        Ledger(root.ledger).require_unchanged()
        return
    number = version_number(unknown[0].name)
    if unknown[0].name != str(number):
        raise FinalError(
            f"{unknown[0]}: a model server takes this for version {number}, whose directory is named {number}.",
            "Move it away, or rename it if there is no such version yet; then the command again.",
        )
    named = ", ".join(path.name for path in unknown[:5]) + (", ..." if len(unknown) > 5 else "")
    where = "is missing" if not root.ledger.exists() else "does not know it"
    raise FinalError(
        f"{unknown[0].parent}: a model server takes {named} for {'versions' if len(unknown) > 1 else 'a version'}, "
        f"and the ledger {where if len(unknown) == 1 else where.replace('it', 'them')} ({root.ledger}).",
        "Restore the ledger from a backup, move the directory away, or take it over: "
        "python -m ml adopt VERSION --reason '...'",
    )
