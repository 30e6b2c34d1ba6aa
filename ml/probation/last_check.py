"""What the last check of a version on probation found, in `probation.json`: for the exporter, and the next check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ml.probation.item import ITEMS, RESULTS, Item
from ml.storage import files
from ml.storage.root import Root


@dataclass(frozen=True)
class LastCheck:
    """The last check.

    Attributes:
        version: Which version was checked.
        at: When.
        answered: When its known rows were last answered; None if never.
        items: What was found, one for each of `ITEMS`.
        data_sha256: The hash of the customers whom the version scored; "" if it scored none.
    """

    version: int
    at: datetime
    answered: datetime | None
    items: tuple[Item, ...]
    data_sha256: str = ""

    def item(self, name: str) -> Item | None:
        """Return what was found of one of `ITEMS`."""
        return next((item for item in self.items if item.name == name), None)

    def write(self, root: Root) -> None:
        """Write the file, whole or not at all."""
        files.write_json(root.probation, self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        answered = self.answered.isoformat() if self.answered else None
        return {
            "version": self.version,
            "at": self.at.isoformat(),
            "answered": answered,
            "items": [asdict(item) for item in self.items],
            "data_sha256": self.data_sha256,
        }


def read_last_check(root: Root, version: int) -> LastCheck | None:
    """Return the last check of this version; None when there was none, or the file is damaged."""
    content = files.json_object(root.probation)
    try:
        items = tuple(Item(str(i["name"]), str(i["result"]), str(i["sentence"])) for i in content["items"])
        if any(item.name not in ITEMS or item.result not in RESULTS for item in items):
            return None
        answered = content["answered"]
        found = LastCheck(
            int(content["version"]),
            _time(content["at"]),
            None if answered is None else _time(answered),
            items,
            str(content["data_sha256"]),
        )
    except (LookupError, TypeError, ValueError):
        return None
    return found if found.version == version else None


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
