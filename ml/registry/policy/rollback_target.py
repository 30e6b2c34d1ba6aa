"""Which version a rollback without a number goes back to: a pure function of the ledger's versions."""

from __future__ import annotations

from collections.abc import Iterable

from ml.registry.ledger.ledger import Version
from ml.registry.policy.provenance import is_real, is_sample


def origin(version: Version) -> int:
    """Return the number of the version that first had these bytes: its own, or that to which it was rolled back."""
    return int(version.intent.get("rollback_of", version.number))


def default_target(champion: Version, versions: Iterable[Version]) -> Version | None:
    """Return the last version that was confirmed before the champion's bytes and has other bytes; None without one.

    Identical bytes under another number would change nothing for those who are served. From a model of real data it
    never goes to a sample, which whoever wants that has to name.

    Args:
        champion: The last confirmed version.
        versions: Those that are kept and could be published again, in any order.
    """
    older = (
        version
        for version in versions
        if version.accepted
        and version.number < origin(champion)
        and version.intent["model_sha256"] != champion.intent["model_sha256"]
        and not (is_real(champion) and is_sample(version))
    )
    return max(older, key=lambda version: version.number, default=None)
