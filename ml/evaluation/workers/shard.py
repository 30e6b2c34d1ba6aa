"""One shard of the evaluation rows: what models answer to it, and what TFMA adds up of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.data.features import FEATURES
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.rows.evaluation_rows import batches, raw_features
from ml.evaluation.rows.scoring import answers_to, are_probabilities
from ml.evaluation.slices import SLICED_BY, slicing_columns
from ml.evaluation.tfma.analysis import eval_config, named_for_tfma, quiet
from ml.evaluation.tfma.result_files import write_results
from ml.evaluation.workers.slice_metrics import SliceMetrics, computations

if TYPE_CHECKING:
    from serving.models.saved_model import Servable  # TensorFlow

COLUMNS = (*FEATURES, "label")
"""The columns of the evaluation rows that a shard has, beside the scores that are known."""
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class ShardWork:
    """What workers do with a shard: a `ml.beam.evaluation.Work`.

    Attributes:
        measured: The hash of each model that TFMA is told of, by its name there.
        threshold: Above it a row counts as predicted positive.
    """

    measured: dict[str, str]
    threshold: float

    def ask(self, servable: Servable, shard: Path) -> Scores:
        """Return what a model answers, as `ml.evaluation.rows.scoring` asks it: the same rows together."""
        return answers_to(servable, batches(shard))

    def parts(self, shard: Path, answers: dict[str, Scores]) -> Iterator[tuple[Any, list[Any]]]:
        """Yield TFMA's accumulators of each slice; nothing when a model has no probability for each row.

        Whoever joins the answers of all shards refuses such a model.
        """
        table = pq.read_table(shard, columns=["label", *(sha for sha in self.measured.values() if sha not in answers)])
        scores = {
            name: answers[sha256] if sha256 in answers else table[sha256].to_numpy()
            for name, sha256 in self.measured.items()
        }
        if all(are_probabilities(found, table.num_rows) for found in scores.values()):
            labels = table["label"].to_numpy().astype(np.float32)
            computed = computations(tuple(self.measured), self.threshold)
            with quiet():
                found = [*computed.slices(labels, named_for_tfma(scores), _slicing_columns(shard))]
            yield from found

    def combiner(self) -> SliceMetrics:
        """Return what merges the accumulators of a slice."""
        return SliceMetrics(tuple(self.measured), self.threshold)

    def write(self, results: Sequence[tuple[Any, dict[Any, Any]]], directory: Path) -> None:
        """Write TFMA's result files."""
        config = eval_config(list(self.measured), self.threshold)
        with quiet():
            write_results(directory, config, sorted(results, key=lambda result: result[0]))


def _slicing_columns(shard: Path) -> dict[str, Categorical]:
    parts = [slicing_columns(columns) for columns in raw_features(shard)]
    return {name: Categorical.joined([part[name] for part in parts]) for name in SLICED_BY}
