"""What one step hands to the next: a directory, and an artifact.json that says what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ml.errors import FinalError
from ml.storage.files import read_json, write_json

RECORD = "artifact.json"


@dataclass(frozen=True)
class Artifact:
    """`path` is the directory, `sha256` identifies the payload in it, `rows` counts customers."""

    path: Path
    sha256: str
    rows: int

    def write(self, directory: Path, *, root: Path, made_from: Mapping[str, str], fingerprint: str) -> None:
        """Write the record into `directory`; it is the last file of a finished step. Paths become root-relative."""
        fields = {
            field.name: value.relative_to(root).as_posix() if isinstance(value, Path) else value
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
        }
        write_json(
            directory / RECORD,
            {"kind": type(self).__name__, **fields, "made_from": dict(made_from), "fingerprint": fingerprint},
        )

    @classmethod
    def read(cls, directory: Path, *, root: Path) -> Self:
        """The artifact in `directory`; a `FinalError` when the record is of another kind or incomplete."""
        record = read_json(directory / RECORD)
        fields: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if record.get("kind") != cls.__name__ or field.name not in record:
                raise FinalError(
                    f"{directory / RECORD}: is no {cls.__name__} of this version.",
                    "Delete the directory and repeat the step.",
                )
            value = record[field.name]
            fields[field.name] = root / value if field.type == "Path" else value
        return cls(**fields)


@dataclass(frozen=True)
class Dataset(Artifact):
    """The CSV exactly as it came (`data.csv`); `sha256` is that of its bytes."""

    source: str

    @property
    def csv(self) -> Path:
        """The file itself."""
        return self.path / "data.csv"


@dataclass(frozen=True)
class Accepted(Artifact):
    """A data set that validation let through: `csv` is the data, `statistics.pb` describes them."""

    csv: Path
    warnings: list[str]
    drift: dict[str, float]

    @property
    def statistics(self) -> Path:
        """A serialized `tensorflow_metadata.proto.v0.DatasetFeatureStatisticsList`."""
        return self.path / "statistics.pb"


@dataclass(frozen=True)
class Examples(Artifact):
    """Transformed rows: `train.parquet`, `eval.parquet`, and the fitted `encoding.json`."""

    train_rows: int
    eval_rows: int

    @property
    def train(self) -> Path:
        """What the network and the encoding are fitted on."""
        return self.path / "train.parquet"

    @property
    def eval(self) -> Path:
        """What nothing is fitted on."""
        return self.path / "eval.parquet"

    @property
    def encoding(self) -> Path:
        """The fitted vocabularies, means and deviations."""
        return self.path / "encoding.json"


@dataclass(frozen=True)
class Model(Artifact):
    """A SavedModel that was loaded once; `sha256` is that of its files, `rows` those it was trained on."""

    epochs: int
    loss: float

    @property
    def saved_model(self) -> Path:
        """The SavedModel directory."""
        return self.path / "saved_model"

    @property
    def golden_rows(self) -> Path:
        """Known rows and the probabilities that training computed for them."""
        return self.path / "replay.json"


@dataclass(frozen=True)
class Evaluation(Artifact):
    """Metrics of candidate and champion on the same `rows`; keys are TFMA's metric names.

    `champion_metrics` is empty when there is no champion, or none that can be compared.
    """

    model_sha256: str
    metrics: dict[str, float]
    champion_version: int | None
    champion_metrics: dict[str, float]
    incomparable: str
    data_sha256: str

    @property
    def report(self) -> Path:
        """All slices of both models, and the lift of the ranking, as one small JSON."""
        return self.path / "evaluation.json"


@dataclass(frozen=True)
class Verdict(Artifact):
    """`promotes`, and why: each reason is `{"code": ..., "sentence": ...}`, never empty."""

    promotes: bool
    reasons: list[dict[str, str]]
    model_sha256: str
    champion_version: int | None
    metrics: dict[str, float]
    champion_metrics: dict[str, float]

    @property
    def sentences(self) -> list[str]:
        """The reasons for people."""
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
