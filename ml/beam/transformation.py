"""Work on shards of rows, as a Beam pipeline: a file and a summary of each, and one summary of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeVar

from ml.beam.done_shards import watched
from ml.beam.runner import pipeline_options, run
from ml.beam.shared_files import readable, writable
from ml.config.settings import BeamSettings


class Summary(Protocol):
    """What is known of some rows, so that it can be merged and sent."""

    @classmethod
    def merged(cls, found: Iterable[Self]) -> Self:
        """Return what is known of all rows, in whatever order; of none, too."""
        ...

    def to_json(self) -> str:
        """Return it as a text."""
        ...

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` returned."""
        ...


S = TypeVar("S", bound=Summary)


def transform_shards(
    shards: Sequence[str], *, work: Callable[[Path, Path], S], summary: type[S], settings: BeamSettings, out: str
) -> S:
    """Make a file of each shard (`results`), and return the summary of all shards.

    Args:
        shards: Files under paths that each worker can open.
        work: Gets a shard and the file to make of it, both of the worker's machine, and returns the summary of the
            shard. It has to be one that pickle can send.
        summary: What `work` returns.
        settings: The section `beam`, with a runner.
        out: A file that does not exist, under a path that each worker can write; it gets the summary of all shards.

    Raises:
        SettingsError: The settings name no runner.
        TransientError: The job failed or did not end in time.
    """
    import apache_beam as beam

    pipeline = beam.Pipeline(options=pipeline_options(settings))
    (
        pipeline
        | "shards" >> beam.Create(list(shards))
        | "spread" >> beam.Reshuffle()
        | "work" >> beam.Map(_result, work)
        | "of all" >> beam.CombineGlobally(summary.merged)
        | "write" >> beam.Map(_write, out)
    )
    with watched([_place(shard) for shard in shards], settings.runner):
        run(pipeline, deadline_seconds=settings.deadline_seconds)
    with readable(out) as local:
        return summary.from_json(local.read_text(encoding="utf-8"))


def results(shards: Iterable[str]) -> Iterator[Path]:
    """Yield the file that was made of each shard, in their order; a file of a store is here until the next one."""
    for shard in shards:
        with readable(_place(shard)) as local:
            yield local


def _result(shard: str, work: Callable[[Path, Path], S]) -> S:
    with readable(shard) as source, writable(_place(shard)) as made:
        return work(source, made)


def _place(shard: str) -> str:
    return f"{shard}.parquet"


def _write(whole: Summary, out: str) -> None:
    with writable(out) as local:
        local.write_text(whole.to_json(), encoding="utf-8")
