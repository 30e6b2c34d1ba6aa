"""How a version came to be the champion, and which version it must not fall behind: pure functions of the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from ml.registry.ledger.ledger import Version
from ml.registry.policy.rollback_target import origin

FIRST, BETTER, REFRESH, ACCEPTED, REPLACES_SAMPLE = "first", "better", "refresh", "accepted", "replaces_sample"
"""What a promotion was decided by: no champion, evidence, age or new data, a person, or real data after a sample."""

OVERRIDDEN = "overridden"
"""What a promotion was decided by that a verdict or a person was against, and a person allowed nevertheless."""

PROMOTES = (FIRST, BETTER, REFRESH, ACCEPTED, REPLACES_SAMPLE, OVERRIDDEN)
KEEPS_ANCHOR = (REFRESH, OVERRIDDEN)
"""The decisions after which the anchor stays where it was: nobody has proven that the version is better."""
BEGINS_ANEW = (FIRST, ACCEPTED, REPLACES_SAMPLE)
"""The decisions after which nothing that was known before counts: no reference, no anchor, no earlier look."""


def decision_of(version: Version) -> str:
    """Return what the promotion of a version was decided by; "" for one that an older code promoted, or an adopted."""
    return str(version.intent.get("decision", ""))


def original_of(version: Version, versions: Mapping[int, Version]) -> Version:
    """Return the version whose bytes a rollback brought back, or the version itself when it is none."""
    number = origin(version)
    return version if number == version.number else versions.get(number, version)


def anchor_of(version: Version, versions: Mapping[int, Version]) -> Version:
    """Return the last version that was promoted as better, or as the first, on the way to `version`.

    A refresh names its anchor in its intent, and so does an overridden version that could be compared; every other
    version, and a rollback to one, is an anchor itself. One whose anchor is a stand-in names no version
    (`anchor_model_of`). In the place of a quarantined anchor comes the version itself.
    """
    original = original_of(version, versions)
    if decision_of(original) in KEEPS_ANCHOR:
        anchor = versions.get(original.intent.get("anchor") or 0, version)
        return version if anchor.quarantined else anchor
    return version


def anchor_model_of(version: Version, versions: Mapping[int, Version]) -> str:
    """Return the hash of the stand-in that is the anchor of a version; "" when the anchor is a version."""
    original = original_of(version, versions)
    return str(original.intent.get("anchor_sha256") or "") if decision_of(original) in KEEPS_ANCHOR else ""
