"""The sentinel: does an identifier or a single feature tell the label, and how much do equal customers disagree?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ml.data.features import ID
from ml.validation.counts.sentinel_counts import SentinelCounts
from ml.validation.findings import Finding, Severity
from ml.validation.label_noise import LabelNoise, label_noise
from ml.validation.leakage import Neighbours, Power, power_of

LEAK_AUC = 0.90
"""A single feature that tells a class with a larger AUC than this has the label in it.

On the Kaggle file the strongest one, Profession, reaches 0.80, and an honest model of all eight together 0.88.
"""
BEYOND_CHANCE = 5.0
"""Standard deviations from which on the order of the identifiers is no chance: one file in 3.5 million."""
WORTH_SAYING = 0.01
"""The least excess of agreeing neighbours: in a million rows a thousandth would be beyond chance, too."""


@dataclass(frozen=True)
class Sentinel:
    """What was measured; None where the data have too few rows, no such column, or one class only."""

    order: Neighbours | None
    identifier: Power | None
    features: dict[str, Power]
    noise: LabelNoise | None
    target: str

    def as_dict(self) -> dict[str, Any]:
        """Return the measurements as validation.json holds them, below `sentinel`."""
        return asdict(self) | {"leak_auc": LEAK_AUC}

    @property
    def id_tells(self) -> bool:
        """Whether neighbours by identifier agree more often than chance explains."""
        order = self.order
        return order is not None and order.deviations > BEYOND_CHANCE and order.agree - order.by_chance > WORTH_SAYING

    def findings(self, severity: Severity) -> Iterator[Finding]:
        """Yield a finding for each leak, and one when equal customers agree no more often than any two."""
        if self.order is not None and self.id_tells:
            words = f"tells the label: {_agreement(self.order)}; it is no feature, and must not become one"
            yield severity.finding("id_tells_label", ID, words, 0, 0, [])
        for name, found in self.features.items():
            if found.auc > LEAK_AUC:
                words = f"tells {found.of} from the rest by itself, AUC {found.auc:.3f}, above {LEAK_AUC:.2f}"
                yield severity.finding("label_leak", name, words, 0, 0, [])
        noise = self.noise
        if noise is not None and noise.agree - noise.by_chance < 2 * noise.error:
            words = (
                f"customers with equal features agree on {self.target} {noise.agree:.1%} of the time, "
                f"any two {noise.by_chance:.1%}, so the features say nothing about it"
            )
            yield severity.finding("label_noise", "", words, 0, 0, [])

    def sentences(self) -> list[str]:
        """Return what was measured in two sentences for the log."""
        told = "no feature could be measured"
        if self.features:
            name, strongest = max(self.features.items(), key=lambda item: item[1].auc)
            told = f"the strongest single feature is {name}, AUC {strongest.auc:.2f} for {strongest.of}"
            told += f" ({LEAK_AUC:.2f} would be a leak)"
        if self.order is not None:
            told += f"; {_agreement(self.order)}"
        if self.noise is None:
            return [f"Leaks: {told}.", "Noise: not measured, since too few customers have equal features."]
        noise = self.noise
        return [
            f"Leaks: {told}.",
            f"Noise: {noise.conflicting:,} of {noise.shared:,} profiles that several customers share have more than "
            f"one label; two such customers agree on {self.target} {noise.agree:.1%} of the time, which leaves a model "
            f"at most {noise.ceiling:.1%} accuracy among them.",
        ]


def measure(counts: SentinelCounts) -> Sentinel:
    """Measure leaks and noise by what was counted of a whole data set; what is missing there is not measured."""
    name = "/".join(counts.target.positive_segments)
    if counts.labels is None or counts.labels.width < 2:
        return Sentinel(None, None, {}, None, name)
    classes = counts.labels.classes
    order, identifier = counts.identifiers.order(classes) if counts.identifiers else (None, None)
    measured = {feature: power_of(table, classes) for feature, table in counts.joint.features().items()}
    told = {feature: found for feature, found in measured.items() if found is not None}
    noise = label_noise(counts.joint.profiles(), classes.positive) if measured else None
    return Sentinel(order, identifier, told, noise, name)


def _agreement(order: Neighbours) -> str:
    return f"neighbours by ID have the same label {order.agree:.1%} of the time, {order.by_chance:.1%} by chance"
