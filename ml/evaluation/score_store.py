"""What models answered to evaluation rows, kept below `scores/` so that no model is asked twice for the same rows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.storage import files

log = logging.getLogger(__name__)
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class ScoreStore:
    """The scores of one set of rows; a file is named by the hash of the model and of its own content.

    Losing a file costs one scoring, and a file that was changed counts as lost.

    Attributes:
        directory: Where the files of these rows are.
        rows: How many rows there are.
    """

    directory: Path
    rows: int

    def get(self, model_sha256: str, score: Callable[[], Scores]) -> Scores:
        """Return the probabilities of a model, float32 [rows]: those kept, or else what `score` returns."""
        kept = self.kept(model_sha256)
        if kept is not None:
            return kept
        scores = score()
        self.put(model_sha256, scores)
        return scores

    def kept(self, model_sha256: str) -> Scores | None:
        """Return the probabilities of a model, float32 [rows], if they are kept."""
        for path in sorted(self.directory.glob(f"{model_sha256}.*.npy")):
            try:
                content = path.read_bytes()
                scores = np.load(BytesIO(content), allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                log.warning("%s: cannot be read (%s); the model is scored again", path, error)
                continue
            is_whole = path.name == f"{model_sha256}.{_digest(content)}.npy"
            if is_whole and scores.dtype == np.float32 and scores.shape == (self.rows,):
                return np.asarray(scores, dtype=np.float32)
            log.warning("%s: was changed; the model is scored again", path)
        return None

    def put(self, model_sha256: str, scores: Scores) -> None:
        """Keep the probabilities of a model, if the disk takes them: without them the model is only scored again."""
        buffer = BytesIO()
        np.save(buffer, scores, allow_pickle=False)
        content = buffer.getvalue()
        try:
            files.make_directories(self.directory)
            files.write_whole(self.directory / f"{model_sha256}.{_digest(content)}.npy", content)
        except OSError as error:
            log.warning("%s: scores cannot be kept (%s)", self.directory, error)


def _digest(content: bytes) -> str:
    return files.sha256_bytes(content)[:32]
