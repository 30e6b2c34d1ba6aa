"""Networks that differ by their seed, and a better model, with what they say of the evaluation rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks._gate_years import Floats
from ml.config.settings import resolve
from ml.data.features import FEATURES
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.scored_rows import ScoredRows
from ml.evaluation.slices import slicing_columns
from ml.gate.context import Look
from ml.gate.decision import Decision, decide
from ml.gate.paired.compare import difference_of
from ml.gate.paired.contributions import AUC, METRICS, SIGN, contributions

SEEDS = range(20, 44)
THRESHOLD = 0.5
SETTINGS = resolve(environment={}).gate
A_LOOK = Look(1, 1, 0, "", 28.0, None, 0.0, "the champion", "", "the anchor")


class Models:
    """The evaluation rows and what the networks, and one better model, say of them."""

    def __init__(self, file: Path) -> None:
        with np.load(file) as arrays:
            self.scores, self.better = arrays["scores"], arrays["trees"]
            self.labels, self.profiles = arrays["labels"], arrays["profiles"]
            self.groups = {
                name[6:]: Categorical.of(arrays[name].tolist()) for name in arrays.files if name.startswith("group_")
            }
        _, self.cluster = np.unique(self.profiles, return_inverse=True)
        self.each = {
            metric: np.stack([contributions(metric, self.labels, one, THRESHOLD) for one in self.scores])
            for metric in METRICS
        }

    def __len__(self) -> int:
        return len(self.scores)

    def decide(self, candidate: NDArray[np.float32], references: list[int], anchor: int) -> Decision:
        """What the gate says of a candidate against some of the networks."""
        rows = ScoredRows(
            self.profiles, self.profiles, self.labels, candidate, self.scores[references], self.scores[anchor],
            self.groups,
        )  # fmt: skip
        return decide(rows, A_LOOK, settings=SETTINGS, threshold=THRESHOLD)

    def gain(self, metric: str, differences: Floats) -> tuple[float, float]:
        """A metric's gain and standard error, from the differences of the contributions."""
        value, error = difference_of(metric, differences, self.labels > 0, self.cluster)
        return SIGN[metric] * value, error

    def pairs(self, metric: str) -> tuple[Floats, Floats]:
        """Gains and standard errors of all ordered pairs, [models, models]; 0 on the diagonal."""
        each = self.each[metric]
        found = np.array([[self.gain(metric, one - other) for other in each] for one in each])
        return found[..., 0], found[..., 1]

    def mean(self, metric: str, each: Floats) -> Floats:
        """A metric with the sign of a gain, from the contributions of one or several models."""
        over = each[..., self.labels > 0] if metric == AUC else each
        return np.asarray(SIGN[metric] * over.mean(axis=-1))


def train(data: Path, folder: Path, out: Path) -> None:
    from benchmarks._evaluated import evaluated
    from benchmarks.quality import reference
    from ml.artifacts import Examples

    made = evaluated(data, folder, SEEDS)
    train_side, held = folder / "train.parquet", folder / "eval.parquet"
    target = pq.read_table(train_side)["label"].to_numpy()
    examples = Examples(folder, "", len(target) + len(made.labels), len(target), len(made.labels))
    columns = pq.read_table(held)
    groups = slicing_columns({name: columns[name].to_numpy() for name in FEATURES})
    np.savez(
        out, scores=np.stack(made.probabilities), trees=reference(examples, target), labels=made.labels,
        profiles=made.profiles, **{f"group_{name}": column.texts().astype(str) for name, column in groups.items()},
    )  # fmt: skip
