"""When a person is asked about a candidate that earned promotion: pure, without I/O and without a clock."""

from __future__ import annotations

from ml.artifacts import Verdict
from ml.config.overrides import APPROVALS
from ml.registry.references.ancestry import ACCEPTED, FIRST, REFRESH, REPLACES_SAMPLE

NEVER, UNSURE, ALWAYS = APPROVALS
_UNSURE_OF = {
    FIRST: "it would be the first version, which nothing could be compared with",
    REPLACES_SAMPLE: "it would be the first version of real data, which nothing could be compared with",
    ACCEPTED: "the champion cannot be compared with it",
    REFRESH: "nobody can tell whether it is better; it is a refresh",
}


def asked_from(verdict: Verdict) -> str:
    """Return the most lenient value of `gate.approval` under which a person is asked about this candidate."""
    return UNSURE if _doubt(verdict) else ALWAYS


def why_asked(verdict: Verdict, approval: str) -> str:
    """Return why a person decides about a candidate that earned promotion, as the end of a sentence; "" if nobody does.

    Args:
        verdict: It promotes.
        approval: `gate.approval`: never, unsure or always.
    """
    if APPROVALS.index(approval) < APPROVALS.index(asked_from(verdict)):
        return ""
    return _doubt(verdict) or "the settings ask before each promotion (gate.approval)"


def _doubt(verdict: Verdict) -> str:
    if verdict.decision in _UNSURE_OF:
        return _UNSURE_OF[verdict.decision]
    if verdict.champion_version is not None and verdict.served is None:
        return "no model server could be asked which version serves"
    return ""
