"""The artifacts that steps hand on, each a directory with an artifact.json (`ml.storage.artifact`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.storage.artifact import Artifact


@dataclass(frozen=True)
class Dataset(Artifact):
    """The customers as a plain CSV (`data.csv`), byte by byte as obtained if that is one; `sha256` is its hash.

    `outcomes` tells of the rows that outcomes added beside it (`ml.feedback.training.joining`); then `sha256` covers
    them too, and `rows` does not count them. None when there are none.
    """

    source: str
    outcomes: Mapping[str, Any] | None = None

    @property
    def base_sha256(self) -> str:
        """The hash of the data as they were obtained, without what outcomes added."""
        return str(self.outcomes["base_sha256"]) if self.outcomes else self.sha256

    @property
    def name(self) -> str:
        """What messages call the file: the name that the user gave it, and not that of our copy."""
        return self.source.removeprefix("file:") or self.csv.name

    @property
    def csv(self) -> Path:
        """The CSV file."""
        return self.path / "data.csv"


@dataclass(frozen=True)
class Accepted(Artifact):
    """A data set that validation accepted: `csv` holds the data, `statistics.pb` describes them.

    `name` is what messages call the file; "" in what older code wrote.
    """

    csv: Path
    warnings: list[str]
    drift: dict[str, float]
    name: str = ""

    @property
    def statistics(self) -> Path:
        """The file with a serialized `tensorflow_metadata.proto.v0.DatasetFeatureStatisticsList`."""
        return self.path / "statistics.pb"


@dataclass(frozen=True)
class Examples(Artifact):
    """Transformed rows: `train.parquet`, `eval.parquet`, and the fitted `encoding.json`.

    The last `outcome_rows` of the train rows are those that outcomes added; `replaced_rows` of the data were left out
    for them.
    """

    train_rows: int
    eval_rows: int
    outcome_rows: int = 0
    replaced_rows: int = 0

    @property
    def obtained_rows(self) -> int:
        """How many train rows, the first ones, are of the data as they were obtained."""
        return self.train_rows - self.outcome_rows

    @property
    def train(self) -> Path:
        """The Parquet file on which the network and the encoding are fitted."""
        return self.path / "train.parquet"

    @property
    def eval(self) -> Path:
        """The Parquet file of the evaluation rows, on which nothing is fitted."""
        return self.path / "eval.parquet"

    @property
    def encoding(self) -> Path:
        """The JSON file with the fitted vocabularies, means and deviations."""
        return self.path / "encoding.json"


@dataclass(frozen=True)
class Model(Artifact):
    """A SavedModel that was loaded once; `sha256` is the hash of its files, `rows` counts what it was trained on.

    `stand_in_sha256` is the hash of the champion's recipe trained on the same rows; "" when nobody needs that.
    """

    epochs: int
    loss: float
    stand_in_sha256: str = ""

    @property
    def saved_model(self) -> Path:
        """The SavedModel directory."""
        return self.path / "saved_model"

    @property
    def stand_in(self) -> Path:
        """The SavedModel directory of the stand-in."""
        return self.path / "stand_in" / "saved_model"

    @property
    def golden_rows(self) -> Path:
        """The file with known rows and the probabilities that training computed for them (`GoldenRows`)."""
        return self.path / "replay.json"


@dataclass(frozen=True)
class Evaluation(Artifact):
    """Metrics of candidate and champion on the same `rows`; keys are TFMA's metric names.

    `champion_metrics` is empty when there is no champion, or none that can be compared, which `incomparable` explains
    and `replaces_sample` excuses: the champion was trained on made-up customers, the candidate was not. `same` says of
    which kind the equality is when the candidate is the champion once more: "bytes" or "answers".

    `champion_version` is the last confirmed version of the ledger, `baseline` names what is compared with and `served`
    is the version that the model server answered with; None when that is not known. `changed_share` is the share of
    today's rows that the baseline was not trained beside, 0..1; None when nobody knows. `gone_back_from` is the hash of
    the quarantined version from which a hold came, if it was scored too; "" if not.
    """

    model_sha256: str
    metrics: dict[str, float]
    champion_version: int | None
    champion_metrics: dict[str, float]
    incomparable: str
    data_sha256: str
    replaces_sample: bool = False
    same: str = ""
    baseline: str = ""
    baseline_version: int | None = None
    baseline_note: str = ""
    served: int | None = None
    anchor: str = ""
    anchor_version: int | None = None
    anchor_sha256: str = ""
    stand_in: str = ""
    changed_share: float | None = None
    gone_back_from: str = ""

    @property
    def is_compared(self) -> bool:
        """Whether the candidate was scored beside something that it can be compared with."""
        return self.baseline_version is not None and not self.incomparable

    @property
    def scored_rows(self) -> Path:
        """The file with the rows and the scores of all models (`ml.evaluation.scored_rows`)."""
        return self.path / "rows.npz"

    @property
    def row_hashes(self) -> Path:
        """The file with the hashes of all rows of the data, also those of the training side."""
        return self.path / "row_hashes.npy"

    @property
    def background(self) -> Path:
        """The file with the weighted rows against which scores are explained; missing in what older code wrote."""
        return self.path / "background.json"

    @property
    def report(self) -> Path:
        """The JSON file with all slices of both models and the precision of the ranking."""
        return self.path / "evaluation.json"


@dataclass(frozen=True)
class Verdict(Artifact):
    """Whether the candidate `promotes`, and why; `reasons` is never empty, each is `{"code": ..., "sentence": ...}`.

    One that is `same` as the champion reached the thresholds and is not promoted, since nothing would change.
    `decision` is what a promotion is decided by (`ml.registry.references.ancestry`), or "rejected", "kept" or "same".
    `served` is the version that the model server answered with when the candidate was evaluated, and `baseline` names
    what it was compared with. `better_than` is the hash of the quarantined version from which a hold came, if the
    candidate was found better than it; "" if not.
    """

    promotes: bool
    reasons: list[dict[str, str]]
    model_sha256: str
    champion_version: int | None
    metrics: dict[str, float]
    champion_metrics: dict[str, float]
    same: bool = False
    decision: str = ""
    served: int | None = None
    anchor_version: int | None = None
    anchor_sha256: str = ""
    stand_in: str = ""
    baseline: str = ""
    baseline_version: int | None = None
    better_than: str = ""

    @property
    def report(self) -> Path:
        """The JSON file with every number of the verdict; missing in what older code wrote."""
        return self.path / "verdict.json"

    @property
    def scored_rows(self) -> Path:
        """The file with the rows and the scores from which the verdict can be computed again."""
        return self.path / "rows.npz"

    @property
    def declined_as(self) -> str:
        """What a verdict that does not promote comes to; older code wrote no `decision`."""
        return self.decision or ("same" if self.same else "rejected")

    @property
    def sentences(self) -> list[str]:
        """The reasons as sentences for people."""
        return [reason["sentence"] for reason in self.reasons]


@dataclass(frozen=True)
class Release(Artifact):
    """A version in the served directory (`path`) that no server has confirmed yet."""

    version: int


@dataclass(frozen=True)
class Confirmed(Artifact):
    """A version that a model server loaded and that answered the known rows as training did."""

    version: int
    worst_difference: float
