"""The decision between better, worse, kept and refresh: pure, without I/O and without a clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ml.config.economics import Economics
from ml.config.gate_settings import GateSettings
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.evidence import Evidence, as_details, gather
from ml.gate.reason import Reason
from ml.gate.rules import LEAST_OF_A_CLASS, is_better, is_not_worse, is_worse
from ml.gate.sentences import Sentences
from ml.storage.strict_json import without_nan

BETTER, WORSE, KEPT, REFRESH = "better", "worse", "kept", "refresh"


@dataclass(frozen=True)
class Decision:
    """What the evidence says of a candidate.

    Attributes:
        outcome: `BETTER`, `WORSE`, `KEPT` or `REFRESH`.
        reasons: At least one sentence; the first ones decided.
        details: Every number of the verdict as plain JSON values; None where a number is not defined.
        ends_hold: Whether the candidate is better than the quarantined version from which a hold came.
    """

    outcome: str
    reasons: tuple[Reason, ...]
    details: Mapping[str, Any]
    ends_hold: bool = False


def decide(
    scored: ScoredRows,
    look: Look,
    *,
    settings: GateSettings,
    threshold: float,
    min_slice: int = LEAST_OF_A_CLASS,
    economics: Economics | None = None,
) -> Decision:
    """Compare the candidate with the references and the anchor, and say what follows.

    Args:
        scored: The evaluation rows with the scores of all models; at least one reference.
        look: What the ledger says of earlier looks and of the champion.
        settings: The section `gate`.
        threshold: A row is predicted positive when its probability is above it.
        min_slice: A slice is tested when it holds at least so many positives and so many negatives.
        economics: What profit is computed with; None where it is no metric (`Settings.gate_economics`).

    Raises:
        ValueError: There is no reference, so that nothing can be compared.
    """
    if not len(scored.references):
        raise ValueError("no reference to compare the candidate with")
    cut = economics.cut if economics else None
    evidence = gather(scored, look, settings=settings, threshold=threshold, least_of_a_class=min_slice, cut=cut)
    words = Sentences(evidence, scored, look, settings.margin, settings.references, economics)
    outcome, decisive = _rule(evidence, settings, words)
    concerns = [] if settings.fairness == "block" else evidence.fairness.concerns
    reasons = (*decisive, *words.context(), *(Reason(f"{one.code}_warning", one.sentence) for one in concerns))
    details = as_details(
        evidence, scored, look, settings=settings, threshold=threshold, least=min_slice, economics=economics
    )
    details |= {"outcome": outcome, "reasons": [asdict(reason) for reason in reasons]}
    ends_hold = bool(details.get("gone_back_from", {}).get("is_better"))
    return Decision(outcome, reasons, without_nan(details), ends_hold)


def _rule(evidence: Evidence, settings: GateSettings, words: Sentences) -> tuple[str, list[Reason]]:
    """Return the outcome and the reasons that decided; worse comes before better, and better before refresh."""
    against = list(_against(evidence, settings, words))
    if against:
        return WORSE, against
    primary, anchor, level = evidence.primary, evidence.anchor, evidence.budget.level
    anchor_holds = anchor is None or bool(is_not_worse(anchor.gain, anchor.standard_error, settings.margin))
    undefined = [one for one in evidence.guards if not one.defined]
    better = is_better(primary.gain, primary.standard_error, level)
    if better and anchor_holds and not undefined:
        return BETTER, [words.better(), words.guards_hold(), words.anchor(holds=True)]
    not_worse = bool(is_not_worse(primary.gain, primary.standard_error, settings.margin))
    if evidence.refresh.due and not_worse and anchor_holds and not undefined:
        return REFRESH, [words.not_worse(holds=True), words.refresh(), words.anchor(holds=True), words.cannot_tell()]
    kept = [words.cannot_tell(), *map(words.guard_undefined, undefined), words.refresh()]
    if evidence.refresh.due:
        kept.append(words.not_worse(holds=not_worse))
    if not anchor_holds:
        kept.append(words.anchor(holds=False))
    return KEPT, kept


def _against(evidence: Evidence, settings: GateSettings, words: Sentences) -> Iterator[Reason]:
    level = evidence.budget.level
    for one, code in ((evidence.primary, "worse"), *((guard, "guard_worse") for guard in evidence.guards)):
        if is_worse(one.gain, one.standard_error, level):
            yield words.worse(one, code)
    yield from words.worse_slices()
    if settings.fairness == "block":
        yield from evidence.fairness.concerns
