"""What is measured of a version from its customers and what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from ml.config.economics import Economics
from ml.evaluation.calibration import fit_calibration
from ml.feedback.explored import FewExplored, few_explored
from ml.feedback.release_facts import ReleaseFacts
from ml.feedback.traffic_sample import iso_week
from ml.performance import control_group
from ml.performance.asked import Floats, clustered_error, worth
from ml.performance.customers import CONTROL, TARGETED, Customers, Flags
from ml.performance.estimate import LEVEL, Estimate, share_of, two_sided
from ml.performance.label_shift import deviations, shifted_share
from ml.performance.live import Measured, VersionPerformance, WeekPerformance
from ml.performance.means import FEWEST, aipw_mean
from ml.performance.ranking import aipw_auc, hajek_auc

FEWEST_FOR_A_SLOPE = 100
CONTACTS = 1000
NOBODY = "No customer of a list has an outcome yet."
NOT_COVERED = (
    "Without a share of the lists for customers from below the cut, AUC and share outside the list cannot be known."
)
NOT_WHOLE = "Only lists that came back are known, and not the files that they were made from."


def measure(
    version: str,
    customers: Customers,
    facts: ReleaseFacts,
    *,
    traffic: Floats,
    economics: Economics,
    is_champion: bool,
) -> VersionPerformance:
    """Return how a version does.

    Args:
        version: Its number.
        customers: Those of its lists, and what came of them.
        facts: What its release says.
        traffic: What it said lately of anybody, probabilities, [m].
        economics: What a contact costs and brings.
        is_champion: Whether it is the one that should be serving.
    """
    answered = customers.is_answered
    targeted = answered & (customers.part == TARGETED)
    controls, uplift = _control(customers)
    return VersionPerformance(
        version=version,
        is_champion=is_champion,
        note=facts.note,
        scored=len(customers),
        asked=int(customers.is_asked.sum()),
        with_outcome=int(answered.sum()),
        covers_all=bool(customers.is_covered.any()),
        precision=_share(customers, targeted),
        expected_precision=_known(facts.promised(customers.score[targeted]), NOBODY),
        calibration_error=_error(customers, targeted),
        calibration_slope=_slope(customers, answered, facts),
        profit=_profit(customers, answered, economics),
        share=_share_of_all(customers),
        expected_share=_known(facts.promised(customers.score[customers.is_covered]), _why_not_covered(customers)),
        auc=_auc(customers, is_robust=False),
        robust_auc=_auc(customers, is_robust=True),
        expected_auc=facts.auc,
        traffic_share=_traffic_share(traffic, facts),
        evaluated_share=facts.share,
        control_share=controls,
        uplift=uplift,
        weeks=tuple(_weeks(customers, facts)),
        undated=int((answered & np.isnat(customers.day)).sum()),
    )


def _known(estimate: Estimate, reason: str) -> Measured:
    return Measured(estimate, "" if estimate.is_known else reason)


def _share(customers: Customers, rows: Flags) -> Measured:
    outcome, who = customers.outcome[rows], customers.customer[rows]
    if not len(outcome):
        return Measured.unknown(NOBODY)
    independent = len(outcome) * worth(outcome, who)
    return Measured(share_of(float(outcome.mean()), independent, len(np.unique(who))))


def _error(customers: Customers, rows: Flags) -> Measured:
    error, expected, who = (
        customers.outcome[rows] - customers.expected[rows],
        customers.expected[rows],
        customers.customer[rows],
    )
    found, mean = len(np.unique(who)), float(error.mean()) if len(error) else 0.0
    if found < FEWEST:
        return Measured.unknown(_too_few(found, FEWEST), found)
    # The outcomes' own spread is too small just when the few targets among them are fewer than expected. So it is not
    # taken for smaller than what the probabilities say, if the same customer comes to the same each time.
    observed = clustered_error(error - mean, who) * (found / (found - 1)) ** 0.5
    promised = clustered_error(np.sqrt(expected * (1 - expected)), who)
    return Measured(Estimate.normal(mean, max(observed, promised) / len(error), found))


def _slope(customers: Customers, rows: Flags, facts: ReleaseFacts) -> Measured:
    outcome, expected, who = customers.outcome[rows], customers.expected[rows], customers.customer[rows]
    found = len(np.unique(who))
    if found < FEWEST_FOR_A_SLOPE or min(outcome.sum(), len(outcome) - outcome.sum()) < FEWEST:
        return Measured.unknown(_too_few(found, FEWEST_FOR_A_SLOPE, each=FEWEST), found)
    line = fit_calibration(outcome.astype(np.int8), expected.astype(np.float32), who.astype(np.uint64))
    variance = line.covariance[1][1]
    if facts.calibration is not None:  # whose slope is an estimate, too
        variance += (line.slope / facts.calibration.slope) ** 2 * facts.calibration.covariance[1][1]
    return Measured(Estimate.normal(line.slope, variance**0.5, found))


def _profit(customers: Customers, rows: Flags, economics: Economics) -> Measured:
    if not economics.is_set:
        return Measured.unknown("Nobody has said what a contact costs and brings (economics.value and economics.cost).")
    reached = _share(customers, rows)
    if not reached.is_known:
        return reached
    return Measured(reached.estimate.scaled(CONTACTS * economics.value, -CONTACTS * economics.cost))


def _share_of_all(customers: Customers) -> Measured:
    covered = customers.is_covered
    if not covered.any():
        return Measured.unknown(_why_not_covered(customers))
    if few := few_explored(customers, covered):
        return _too_few_explored(few)
    asked = customers.asked(covered)
    return _known(aipw_mean(asked, asked.outcome, asked.expected), _too_few(asked.answered, FEWEST))


def _auc(customers: Customers, *, is_robust: bool) -> Measured:
    rows = customers.is_covered if is_robust else customers.is_reached
    if not rows.any():
        return Measured.unknown(_why_not_covered(customers) if is_robust else _why_not_reached(customers))
    if few := few_explored(customers, rows):
        return _too_few_explored(few)
    asked = customers.asked(rows)
    found = aipw_auc(asked) if is_robust else hajek_auc(asked)
    return _known(found, _too_few(found.rows, 2 * FEWEST, each=FEWEST))


def _control(customers: Customers) -> tuple[Measured, Measured]:
    rows = customers.has_control & ((customers.part == CONTROL) | customers.is_asked) & ~np.isnan(customers.outcome)
    if not rows.any():
        nobody = Measured.unknown("No list with outcomes has a control group with outcomes.")
        return nobody, nobody
    some = customers.of(rows)
    left_alone, uplift = control_group.compared(some.outcome, some.part == CONTROL, some.list_number, some.customer)
    return _known(left_alone, NOBODY), _known(uplift, NOBODY)


def _traffic_share(traffic: Floats, facts: ReleaseFacts) -> Measured:
    if not len(traffic):
        return Measured.unknown("Nothing is recorded of what it said lately.")
    before = facts.share.estimate.value
    if facts.calibration is None or not 0 < before < 1:
        return Measured.unknown(facts.note or facts.share.reason or "It was evaluated on one kind of customers only.")
    found = shifted_share(facts.calibrated(traffic), before=before)
    variance = ((found.high - found.low) / (2 * two_sided(LEVEL))) ** 2
    variance += sum(off**2 for off, _ in deviations(traffic, facts.calibration, before, facts.covariance))
    return Measured(Estimate.normal(found.value, variance**0.5, found.rows).within(0.0, 1.0))


def _weeks(customers: Customers, facts: ReleaseFacts) -> Iterator[WeekPerformance]:
    days, place = np.unique(customers.day, return_inverse=True)
    week_of = np.array(["" if np.isnat(day) else iso_week(day.astype(date)) for day in days], np.str_)[place]
    for week in sorted({*week_of.tolist()} - {""}):
        some = customers.of(week_of == week)
        answered = some.is_answered
        yield WeekPerformance(
            week,
            int(some.is_asked.sum()),
            int(answered.sum()),
            _share(some, answered),
            _known(facts.promised(some.score[answered]), NOBODY),
            _auc(some, is_robust=bool(some.is_covered.any())),
        )


def _why_not_reached(customers: Customers) -> str:
    return NOT_COVERED if customers.is_answered.any() else NOBODY


def _why_not_covered(customers: Customers) -> str:
    if not customers.is_answered.any():
        return NOBODY
    return NOT_WHOLE if customers.is_reached.any() else NOT_COVERED


def _too_few(rows: int, least: int, *, each: int = 0) -> str:
    of_each = f", {each} of either kind," if each else ""
    return f"{rows} customers with an outcome are too few: it takes {least}{of_each} for a number."


def _too_few_explored(few: FewExplored) -> Measured:
    return Measured.unknown(few.sentence, few.customers)
