"""What the models page says of how versions do with real customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml.errors import FinalError
from ml.performance.live import LivePerformance, VersionPerformance
from ml.performance.live_file import read_live_performance
from ml.reports.live.measured_words import difference_words, money_words, number_words, share_words
from ml.storage.root import Root

SHOWN_VERSIONS = 5


@dataclass(frozen=True)
class LiveRow:
    """A version, in words; what is not known says why.

    Attributes:
        version: Its number.
        is_champion: Whether it should be serving.
        counts: Of customers contacted and outcomes.
        realised: The share of targets among those listed and contacted.
        expected: What its probabilities promised of the same.
        auc: Over all customers.
        expected_auc: On its evaluation rows.
        profit: Of 1,000 contacts.
        uplift: What contacting added.
    """

    version: str
    is_champion: bool
    counts: tuple[int, int]
    realised: str
    expected: str
    auc: str
    expected_auc: str
    profit: str
    uplift: str


@dataclass(frozen=True)
class LiveVersions:
    """The section of the page.

    Attributes:
        target: The label of a target customer.
        computed: When it was computed.
        outcomes: Outcomes that came.
        unused: Those that were not used: how many, and for what reason.
        rows: The newest versions with outcomes.
        fallen: That the version that should be serving does significantly worse than expected; "" when it does not.
        error: Why nothing can be said; "" otherwise.
    """

    target: str = ""
    computed: datetime | None = None
    outcomes: int = 0
    unused: Sequence[tuple[int, str]] = ()
    rows: Sequence[LiveRow] = ()
    fallen: str = ""
    error: str = ""


def live_versions(root: Root) -> LiveVersions | None:
    """Return the section; None when nothing was computed yet."""
    try:
        live = read_live_performance(root)
    except FinalError as error:
        return LiveVersions(error=str(error))
    if live is None:
        return None
    return LiveVersions(
        target=live.target,
        computed=live.computed,
        outcomes=live.outcomes,
        unused=[(one.count, name.replace("_", " ")) for name, one in live.left.items() if one.count],
        rows=[_row(live, one) for one in live.versions[:SHOWN_VERSIONS]],
        fallen=next((one.fall for one in live.versions if one.is_champion), ""),
    )


def _row(live: LivePerformance, of: VersionPerformance) -> LiveRow:
    return LiveRow(
        version=of.version,
        is_champion=of.is_champion,
        counts=(of.asked, of.with_outcome),
        realised=share_words(of.precision),
        expected=share_words(of.expected_precision),
        auc=number_words(of.robust_auc if of.robust_auc.is_known else of.auc),
        expected_auc=number_words(of.expected_auc),
        profit=money_words(of.profit, live.currency),
        uplift=difference_words(of.uplift),
    )
