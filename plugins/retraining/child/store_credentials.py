"""What a step may know of the stores that hold data: the variables that the setting `beam.environment` lists."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk.log import mask_secret

from ml.config.settings import resolve

READ_DATA = frozenset({"ingest", "validate", "transform", "evaluate"})
"""The steps that get them."""
_SECRET = ("SECRET", "TOKEN", "KEY", "PASSWORD", "CREDENTIALS")
_OF_A_FILE = ("_FILE", "GOOGLE_APPLICATION_CREDENTIALS")
"""Names that end so have a path as their value, which is no secret."""


def store_credentials(step: str, parent: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for one step, whose secret values are masked from now on in every log of this task.

    Args:
        step: The name of the step; one that reads no data gets none.
        parent: The variables of this process.

    Raises:
        SettingsError: The settings cannot be used.
    """
    if step not in READ_DATA:
        return {}
    found = {name: parent[name] for name in resolve().beam.environment if name in parent}
    for name, value in found.items():
        if value and not name.endswith(_OF_A_FILE) and any(word in name for word in _SECRET):
            mask_secret(value)
    return found
