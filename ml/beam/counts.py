"""Counting the rows of shards, and what has to be sorted by ranges of all shards, as one Beam pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ml.beam.done_shards import watched
from ml.beam.runner import pipeline_options, run
from ml.beam.shared_files import readable, writable
from ml.config.settings import BeamSettings

_SUMMARY, _PIECE = "summary", "piece"


class Counting(Protocol):
    """What workers do. All that it returns is its own; pickle has to be able to send that, and the counting itself."""

    def shard(self, number: int, path: Path) -> tuple[Any, Any, Iterable[Any]]:
        """Count a shard, and return what is kept, a summary for all workers, and pieces of its rows for the ranges."""
        ...

    def plan(self, summaries: Iterable[Any]) -> Any:
        """Return what is known when all shards are counted; the summaries come in any order."""
        ...

    def cut(self, piece: Any, plan: Any) -> Iterator[tuple[int, Any]]:
        """Yield a piece in smaller ones, each with the number of its range."""
        ...

    def labelled(self, piece: Any) -> int:
        """Return how many rows with a label a piece has."""
        ...

    def range(self, found: Sequence[Any], plan: Any, before: int, rows: int) -> Any:
        """Count a range by all its pieces; so many labelled rows of all `rows` are in the ranges before it."""
        ...


class Counted:
    """What a job has counted, in its files."""

    def __init__(self, out: str, shards: int) -> None:
        self._out, self._shards = out, shards

    def plan(self) -> Any:
        """Return what was known when all shards were counted."""
        return _read(f"{self._out}.plan")

    def shards(self) -> Iterator[Any]:
        """Yield what was kept of each shard, in their order."""
        for number in range(self._shards):
            yield _read(_place(self._out, number))

    def ranges(self) -> list[Any]:
        """Return what was counted of each range that has a row, in their order."""
        return [found for _, found in sorted(_read(f"{self._out}.ranges"), key=lambda pair: pair[0])]


def count(shards: Sequence[str], counting: Counting, *, settings: BeamSettings, out: str) -> Counted:
    """Count shards, each of which is read once, and then ranges of their rows.

    What is kept of a shard does not go through the runner, but into a file of its own; the rows that have to be sorted
    do, in pieces. So no process has all of either.

    Args:
        shards: Files under paths that each worker can open.
        counting: What workers do.
        settings: The section `beam`, with a runner.
        out: What the names of the job's files begin with, under a path that each worker can write.

    Raises:
        SettingsError: The settings name no runner.
        TransientError: The job failed or did not end in time.
    """
    import apache_beam as beam

    pipeline = beam.Pipeline(options=pipeline_options(settings))
    numbered = pipeline | "shards" >> beam.Create([*enumerate(shards)]) | "spread" >> beam.Reshuffle()
    counted = numbered | "count" >> beam.FlatMap(_counted, counting, out).with_outputs(_PIECE, main=_SUMMARY)
    plan = counted[_SUMMARY] | "all summaries" >> beam.combiners.ToList() | "plan" >> beam.Map(counting.plan)
    agreed = beam.pvalue.AsSingleton(plan)
    pieces = counted[_PIECE] | "cut" >> beam.FlatMap(counting.cut, agreed)
    labelled = pieces | "labelled" >> beam.Map(_labelled, counting) | "of a range" >> beam.CombinePerKey(sum)
    ranges = (
        pieces
        | "by range" >> beam.GroupByKey()
        | "range" >> beam.Map(_ranged, counting, agreed, beam.pvalue.AsDict(labelled))
        | "all ranges" >> beam.combiners.ToList()
    )
    plan | "write plan" >> beam.Map(_write, f"{out}.plan")
    ranges | "write ranges" >> beam.Map(_write, f"{out}.ranges")
    with watched([_place(out, number) for number in range(len(shards))], settings.runner):
        run(pipeline, deadline_seconds=settings.deadline_seconds)
    return Counted(out, len(shards))


def _counted(shard: tuple[int, str], counting: Counting, out: str) -> Iterator[Any]:
    from apache_beam.pvalue import TaggedOutput

    number, path = shard
    with readable(path) as local:
        counts, summary, pieces = counting.shard(number, local)
    _write(counts, _place(out, number))
    yield summary
    for piece in pieces:
        yield TaggedOutput(_PIECE, piece)


def _labelled(piece: tuple[int, Any], counting: Counting) -> tuple[int, int]:
    return piece[0], counting.labelled(piece[1])


def _ranged(
    pieces: tuple[int, Iterable[Any]],
    counting: Counting,
    plan: Any,
    labelled: Mapping[int, int],
) -> tuple[int, Any]:
    number, found = pieces
    before = sum(rows for other, rows in labelled.items() if other < number)
    return number, counting.range([*found], plan, before, sum(labelled.values()))


def _place(out: str, number: int) -> str:
    return f"{out}.counts-{number:05}"


def _write(value: Any, path: str) -> None:
    from apache_beam.coders import PickleCoder

    with writable(path) as local:
        local.write_bytes(PickleCoder().encode(value))


def _read(path: str) -> Any:
    from apache_beam.coders import PickleCoder

    with readable(path) as local:
        return PickleCoder().decode(local.read_bytes())
