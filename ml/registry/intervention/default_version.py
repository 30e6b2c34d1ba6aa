"""Where a rollback goes when nobody names a version."""

from __future__ import annotations

from ml.errors import FinalError
from ml.registry.ledger.entries import BREACHED, PROBATION
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry
from ml.registry.policy.rollback_target import default_target, origin


def last_with_other_bytes(registry: Registry, champion: Version) -> Version:
    """Return the last version before the champion that is kept, has other bytes, and has not broken its probation.

    Raises:
        FinalError: There is no such version.
    """
    versions = registry.ledger.versions()
    broken = {
        versions[event["version"]].intent["model_sha256"]
        for event in registry.ledger.events()
        if event["event"] == PROBATION and event["outcome"] == BREACHED and event["version"] in versions
    }
    older = default_target(
        champion,
        (
            version
            for version in versions.values()
            if version.intent["model_sha256"] not in broken and registry.version_directory(version.number).is_dir()
        ),
    )
    if older is None:
        raise FinalError(
            f"No confirmed version before {origin(champion)} is kept that has other bytes, is not a SAMPLE and has not "
            "broken its probation.",
            "Retrain first; or name a version that is kept: python -m ml rollback VERSION --reason '...'",
        )
    return older
