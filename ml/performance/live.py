"""How each version does with real customers: the tree that `performance.json` holds, for whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ml.performance.estimate import Estimate


@dataclass(frozen=True)
class Measured:
    """An estimate, or why there is none.

    Attributes:
        estimate: The number with its interval of 95 %; unknown when there is none.
        reason: Why there is none, as a sentence; "" when there is one.
    """

    estimate: Estimate
    reason: str = ""

    @classmethod
    def unknown(cls, reason: str, rows: int = 0) -> Measured:
        """Return that nothing is known, and why."""
        return cls(Estimate.unknown(rows), reason)

    @property
    def is_known(self) -> bool:
        """Whether there is a number."""
        return self.estimate.is_known


@dataclass(frozen=True)
class WeekPerformance:
    """What came of the customers whom a version scored in one week.

    Attributes:
        week: The ISO week, such as "2026-W47".
        asked: Customers who were to be asked.
        with_outcome: Those of them with an outcome.
        realised: Their share of targets.
        expected: The share that their calibrated probabilities promise; its interval is that of the calibration.
        auc: Over all customers; unknown in most weeks with few outcomes.
    """

    week: str
    asked: int
    with_outcome: int
    realised: Measured
    expected: Measured
    auc: Measured


@dataclass(frozen=True)
class WeekShapley:
    """Which features moved the scores of a week's customers.

    Attributes:
        week: The ISO week; "" for rows on which the version was evaluated.
        rows: The customers who were explained.
        mean: The mean absolute Shapley value of each feature, as a difference of a probability.
    """

    week: str
    rows: int
    mean: Mapping[str, Estimate]


@dataclass(frozen=True)
class VersionPerformance:
    """How one version does. What a measure is about is said with it; a share is one of targets, from 0 to 1.

    Attributes:
        version: Its number.
        is_champion: Whether it is the one that should be serving.
        note: What has to be known to read the numbers, as sentences; "" for nothing.
        scored: Customers in its lists and the files they were made from, as far as these are known.
        asked: Those who were to be asked.
        with_outcome: Those of them with an outcome.
        covers_all: Whether something is known of all customers: for some lists those outside of them are covered.
        precision: The share among those who were on a list for their score, and were asked.
        expected_precision: The share that the calibrated probabilities of the same customers promise; its interval is
            that of the calibration.
        calibration_error: The mean of outcome minus calibrated probability, over the customers of `precision`.
        calibration_slope: Of the outcomes' log-odds in those of the calibrated probabilities; 1 when they are right.
        profit: What 1,000 contacts brought, in the currency, after their cost.
        share: The share among all customers, by AIPW.
        expected_share: The share that calibrated probabilities promise for the same ones.
        auc: Over all customers with a chance to be asked, by Hajek's weights.
        robust_auc: Over all customers of files that are known as a whole, doubly robust.
        expected_auc: On the rows on which it was evaluated.
        traffic_share: The share among those whom it scored lately, from their probabilities alone, if only the share
            has changed since its evaluation.
        evaluated_share: The share among the rows on which it was evaluated.
        control_share: The share among customers of lists who were left alone.
        uplift: The share among those asked of the same lists minus `control_share`.
        weeks: By week of scoring, the oldest first.
        undated: Customers with an outcome of whom nobody knows when they were scored; no week has them.
        shapley: Mean absolute Shapley values of customers whom it scored, by week, the oldest first.
        reference_shapley: The same of rows on which it was evaluated; None when it was not computed.
        fall: In which number it has fallen significantly (`ml.performance.fallen`), by the lists whose outcomes have
            had the time to come; "" for none.
        is_judged: Whether enough is known of these lists to say that.
    """

    version: str
    is_champion: bool
    note: str
    scored: int
    asked: int
    with_outcome: int
    covers_all: bool
    precision: Measured
    expected_precision: Measured
    calibration_error: Measured
    calibration_slope: Measured
    profit: Measured
    share: Measured
    expected_share: Measured
    auc: Measured
    robust_auc: Measured
    expected_auc: Measured
    traffic_share: Measured
    evaluated_share: Measured
    control_share: Measured
    uplift: Measured
    weeks: tuple[WeekPerformance, ...] = ()
    undated: int = 0
    shapley: tuple[WeekShapley, ...] = ()
    reference_shapley: WeekShapley | None = None
    fall: str = ""
    is_judged: bool = False


@dataclass(frozen=True)
class LeftOut:
    """Outcomes that were not used for one reason.

    Attributes:
        count: How many.
        places: The first of them, by file and row.
    """

    count: int
    places: tuple[str, ...]


@dataclass(frozen=True)
class LivePerformance:
    """What `performance.json` holds.

    Attributes:
        computed: When it was computed, with a zone.
        target: The label of a target customer.
        currency: Of `profit`; "" when it is not known.
        outcomes: Outcomes that came, used or not.
        newest_outcome: When the last one came; None before the first.
        newest_list: When the last list was made of which the gateway has a record; None without one.
        versions: The newest first.
        left: Outcomes that were not used, by the names of the cases of docs/outcomes.md.
        unreadable_lines: Lines of the record, of lists and of outcomes that are none.
        unreadable_files: Files of them that cannot be read.
    """

    computed: datetime
    target: str
    currency: str
    outcomes: int
    newest_outcome: datetime | None
    newest_list: date | None
    versions: tuple[VersionPerformance, ...]
    left: Mapping[str, LeftOut] = field(default_factory=dict)
    unreadable_lines: int = 0
    unreadable_files: int = 0

    def version(self, number: int | str) -> VersionPerformance | None:
        """Return what is known of a version; None when it has no rows."""
        return next((one for one in self.versions if one.version == str(number)), None)
