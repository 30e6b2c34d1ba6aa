"""Asking models about the rows of shards in workers, and adding up what came of it, as one Beam pipeline."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from ml.beam.archives import pack, unpack
from ml.beam.done_shards import watched
from ml.beam.runner import pipeline_options, run
from ml.beam.shared_files import joined, readable, writable
from ml.config.settings import BeamSettings
from serving.errors import StatusError

if TYPE_CHECKING:
    from serving.models.saved_model import Servable  # TensorFlow

Scores = NDArray[np.float32]
Answers = dict[str, Scores]
Part = tuple[Any, Any]


class Work(Protocol):
    """What workers do with a shard. It is pickled for them."""

    def ask(self, servable: Servable, shard: Path) -> Scores:
        """Return what a model answers to the rows of a shard, in their order."""

    def parts(self, shard: Path, answers: Answers) -> Iterable[Part]:
        """Yield what is added up of a shard: keys, each with what `combiner` takes."""

    def combiner(self) -> Any:
        """Return the `apache_beam.CombineFn` that adds up the parts of a key."""

    def write(self, results: Sequence[Part], directory: Path) -> None:
        """Write the keys, each with what the combiner made of its parts, into a directory."""


def evaluate_shards(
    shards: Sequence[str],
    models: Mapping[str, Path],
    work: Work,
    *,
    settings: BeamSettings,
    directory: str,
    out: Path,
) -> Answers:
    """Return what each model answers, float32, the rows of all shards one behind the other; `out` gets the results.

    A worker loads each model once for each of its threads. What models answer comes back through a file beside each
    shard, not through the runner. A row is in one shard, and each shard's parts are added up once, whatever is done
    twice on the way.

    Args:
        shards: Files that each worker can open, in the order of the rows.
        models: SavedModels of this machine by the names that their answers get.
        work: What is done with a shard.
        settings: The section `beam`, with a runner.
        directory: One that all workers reach; models and answers lie there meanwhile.
        out: A directory of this machine, made if it is not there; what `work.write` writes.

    Raises:
        StatusError: A model cannot be loaded or does not answer: what TensorFlow says of the first such model in the
            first such shard. The answers of all shards are waited for.
        SettingsError: The settings name no runner.
        TransientError: The job failed or did not end in time.
    """
    archives = {name: joined(directory, f"model-{name}.tar") for name in models}
    for name, place in models.items():
        pack(place, archives[name])
    results = joined(directory, "results.tar")
    pipeline = beam.Pipeline(options=pipeline_options(settings))
    (
        pipeline
        | "shards" >> beam.Create(list(shards))
        | "spread" >> beam.Reshuffle()
        | "ask" >> beam.ParDo(_Ask(archives, {name: str(place) for name, place in models.items()}, work))
        | "combine" >> beam.CombinePerKey(work.combiner())
        | "all" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
        | "write" >> beam.Map(_write, work, results)
    )
    with watched([_answers(shard) for shard in shards], settings.runner):
        run(pipeline, deadline_seconds=settings.deadline_seconds)
    answers = _read_answers(shards, list(models))
    unpack(results, out)
    return answers


class _Ask(beam.DoFn):  # type: ignore[misc] # Beam has no types
    """Ask all models about a shard, and yield its parts."""

    def __init__(self, archives: Mapping[str, str], places: Mapping[str, str], work: Work) -> None:
        self._archives, self._places, self._work = archives, places, work
        self._models: dict[str, Servable | NDArray[Any]] = {}

    def setup(self) -> None:
        # As the step has it: the last digit of a score depends on it. It is too late if TensorFlow is there already.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        self._models = {name: _loaded(archive, self._places[name]) for name, archive in self._archives.items()}

    def process(self, shard: str) -> Iterator[Part]:
        with readable(shard) as path:
            answers = {name: self._answer(model, path) for name, model in self._models.items()}
            with writable(_answers(shard)) as local, local.open("wb") as file:
                np.savez(file, **answers)
            if not any(map(_is_failure, answers.values())):
                yield from self._work.parts(path, answers)

    def teardown(self) -> None:
        for model in self._models.values():
            if not isinstance(model, np.ndarray):
                model.close()
        self._models = {}

    def _answer(self, model: Servable | NDArray[Any], shard: Path) -> NDArray[Any]:
        if isinstance(model, np.ndarray):
            return model
        try:
            return self._work.ask(model, shard)
        except StatusError as error:
            return _failure(error)


def _loaded(archive: str, place: str) -> Servable | NDArray[Any]:
    """The model, or why it cannot be loaded, in words for the place that it has on the other machine."""
    from serving.models.saved_model import load

    with tempfile.TemporaryDirectory(prefix="model-") as directory:
        unpack(archive, Path(directory))
        try:
            return load(Path(directory))
        except StatusError as error:
            return _failure(StatusError(error.code, error.message.replace(directory, place)))


def _failure(error: StatusError) -> NDArray[Any]:
    return np.array([error.code, error.message])


def _answers(shard: str) -> str:
    return f"{shard}.answers.npz"


def _is_failure(answers: NDArray[Any]) -> bool:
    """Whether these are the code and the message of an error (`_failure`), instead of scores."""
    return answers.dtype.kind == "U"


def _read_answers(shards: Sequence[str], models: Sequence[str]) -> Answers:
    parts: dict[str, list[Scores]] = {name: [] for name in models}
    for shard in shards:
        with readable(_answers(shard)) as path, np.load(path, allow_pickle=False) as found:
            for name in models:
                parts[name].append(found[name])
    for failed in (part for name in models for part in parts[name] if _is_failure(part)):
        raise StatusError(str(failed[0]), str(failed[1]))
    return {name: np.concatenate(parts[name]) for name in models}


def _write(results: Sequence[Part], work: Work, path: str) -> None:
    with tempfile.TemporaryDirectory(prefix="results-") as directory:
        work.write(results, Path(directory))
        pack(Path(directory), path)
