"""Which version a candidate is compared with: the one that really serves, if the ledger stands behind it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from ml.config.settings import Settings
from ml.registry.endpoint import server_url
from ml.registry.ledger.ledger import Version
from ml.registry.policy.provenance import difference, kind_of
from ml.storage.root import Root
from serving.client.model_client import ModelServer, ServingError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Baseline:
    """The version that is compared with, what the server said, and a sentence about it that the verdict carries.

    `served` is the highest version that the server calls AVAILABLE; None when no server was asked, or none answered.
    """

    version: Version | None
    served: int | None
    note: str = ""


def served_version(root: Root, settings: Settings) -> tuple[int | None, str]:
    """Ask the model server once which version it answers with.

    Returns:
        The highest AVAILABLE version, and why none is known: "" when one is.
    """
    url = server_url(root, settings)
    if not url:
        return None, "no model server is configured or running"
    try:
        statuses = ModelServer(url, settings.serving.model).versions()
    except ServingError as error:
        return None, f"the model server does not answer ({error})"
    available = [status.version for status in statuses if status.state == "AVAILABLE"]
    return (max(available), "") if available else (None, f"the model server at {url} serves no version")


def baseline_of(
    champion: Version | None, versions: Mapping[int, Version], served: int | None, unknown: str
) -> Baseline:
    """Return what to compare with.

    Args:
        champion: The last confirmed version of the ledger.
        versions: All versions of the ledger.
        served: The version that the server answers with; None when it is not known.
        unknown: Why it is not known.
    """
    if champion is None:
        return Baseline(None, served)
    if served is None:
        return Baseline(champion, None, f"Compared with the champion by the ledger, since {unknown}.")
    if served == champion.number:
        return Baseline(champion, served)
    differs = f"Version {champion.number} is the champion by the ledger, but the server answers with version {served}"
    other = versions.get(served)
    if other is None or not other.accepted:
        why = "which the ledger does not call confirmed"
    elif difference(kind_of(other.intent), kind_of(champion.intent)):
        why = "which was trained on data of another source"
    else:
        return Baseline(other, served, f"{differs}, which is compared with.")
    return Baseline(champion, served, f"{differs}, {why}: the champion is compared with.")
