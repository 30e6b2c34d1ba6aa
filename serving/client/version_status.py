"""What a model server says about the versions of a model: its GetModelStatus, read from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class VersionStatus:
    """What the server says about one version.

    Attributes:
        version: The version's number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        error_code: "OK", or the name of a status code such as "NOT_FOUND".
        error_message: Empty while the code is "OK".
    """

    version: int
    state: str
    error_code: str
    error_message: str

    @classmethod
    def all_of(cls, answer: Any) -> list[Self]:
        """Every version in the JSON value of one answer, in the server's order."""
        listed = answer.get("model_version_status", []) if isinstance(answer, dict) else []
        return [
            cls(
                version=int(entry["version"]),
                state=str(entry["state"]),
                error_code=str(entry.get("status", {}).get("error_code", "OK")),
                error_message=str(entry.get("status", {}).get("error_message", "")),
            )
            for entry in listed
        ]
