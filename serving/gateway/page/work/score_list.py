"""The process that checks, scores, ranks and explains one file for the page."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.client.model_client import ModelServer, ServingError
from serving.expectation.unlikeness import unlikeness_of
from serving.gateway.page.work.columns import ADDED
from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.origin import Origin
from serving.gateway.page.work.scored_file import ROWS, ScoredFile
from serving.gateway.page.work.tasks import MOST_EXPLAINED, MOST_ROWS, ScoreTask, Step
from serving.gateway.scoring import alone
from serving.gateway.scoring.task import Result
from serving.reasons.columns import predict_by_rows
from serving.reasons.reason_columns import reason_texts
from serving.reasons.version_background import NoBackgroundError, find_background
from serving.score import output_files, requests
from serving.score.opened_file import OpenedFile, open_file
from serving.score.requests import Score, VersionGoneError, with_served_version
from serving.tables.customers import Customer, Instance
from serving.tables.file_errors import FileError

_ROWS_PER_REQUEST = 500
_TOLD_EVERY = 1000
_EXPLAINED_AT_ONCE = 50
_MIXED_PER_REQUEST = 1024
"""Rows of a request for reasons: few, so that those who ask for single customers need not wait long for it."""


def _score(line: bytes) -> Result:
    task = ScoreTask.read(line)
    server = ModelServer(task.url, task.model, timeout=task.timeout)
    alone.enter(task.directory)
    given = Path(task.given)
    _, version = with_served_version(server, lambda version: _Work(server, version, given).do(), lambda: None)
    given.unlink()  # its rows are kept beside their scores
    return Result(200, version=version)


class _Work:
    """A file, and the version that scores it."""

    def __init__(self, server: ModelServer, version: int, given: Path) -> None:
        self._server, self._version, self._given = server, version, given
        self._kept = ScoredFile(Path.cwd())
        self._read = 0

    def do(self) -> None:
        self._kept.forget_reasons()
        opened = open_file(
            *(self._server, self._version, self._given), check_header=self._check_header, observe=self._observe
        )
        facts = Facts.of_file(
            *(self._version, opened.check, opened.evaluation, opened.file.table.layout),
            is_sample=opened.model.is_sample,
        )
        Origin.of(self._server.model, self._version, opened.file).write(Path.cwd())
        facts.reason = alone.below_root(facts.reason)
        facts.write(Path.cwd())
        ranked = self._score(opened, facts)
        facts.explained = min(len(ranked), MOST_EXPLAINED)
        facts.write(Path.cwd())
        best = ranked[: facts.explained]
        try:
            self._explain(opened, best, facts.explained)
        except NoBackgroundError as error:
            facts.why_not = alone.below_root(str(error))
        except (VersionGoneError, ServingError):
            facts.why_not = f"Version {self._version} stopped answering before all reasons were found."
        except (KeyError, ValueError):  # the list is none the worse for it
            facts.why_not = f"No reasons for version {self._version}: what is stored for them does not fit the model."
        facts.explained = len(self._kept.reasons())
        facts.write(Path.cwd())

    def _check_header(self, header: Sequence[str]) -> None:
        output_files.check_columns(self._given, header, ranked=True, more=ADDED)

    def _observe(self, _customer: Customer) -> None:
        self._read += 1
        if self._read > MOST_ROWS:
            raise FileError(
                f"{self._given}: it has more than {MOST_ROWS:,} rows, and this page takes as many.",
                "Divide it, or ask for it to be scored with python -m serving.score, which takes any number.",
            )
        if self._read % (10 * _TOLD_EVERY) == 0:
            alone.tell(Step("reading", self._read).line())

    def _score(self, opened: OpenedFile, facts: Facts) -> NDArray[np.intp]:
        unlikeness, unlike = unlikeness_of(opened.evaluation.inputs), array("f")
        chunks = opened.file.chunks(_ROWS_PER_REQUEST)

        def scored() -> Iterator[tuple[Customer, Score | None]]:
            alone.tell(Step("scoring", 0, opened.rows).line())
            found = requests.score_chunks(self._server, self._version, chunks, self._given)
            for number, (customer, score) in enumerate(found, start=1):
                bits = unlikeness.flagged(customer.instance) if unlikeness and customer.instance else None
                unlike.append(bits or 0.0)
                yield customer, score
                if number % _TOLD_EVERY == 0:
                    alone.tell(Step("scoring", number, opened.rows).line())

        with Path(ROWS).open("w+b") as rows:
            written = output_files.keep_scored(scored(), rows)
        self._kept.write(written, unlike)
        facts.labels = dict(written.labels)
        facts.unlike = sum(map(bool, unlike)) if unlikeness else None
        return written.best(written.rows)

    def _explain(self, opened: OpenedFile, best: NDArray[np.intp], of: int) -> None:
        alone.tell(Step("explaining", 0, of).line())

        def ask(instances: Sequence[Mapping[str, object]]) -> list[float]:
            found = requests.score_known_rows(self._server, self._version, instances)
            if found is None:
                raise ServingError("The server refused a row of a background.")
            return found

        background = find_background(self._version, None, ask)
        predict = predict_by_rows(ask, rows_per_request=_MIXED_PER_REQUEST)
        places = {int(number): rank for rank, number in enumerate(best)}
        instances: dict[int, Instance] = {}
        rows = (customer for chunk in opened.file.chunks(_ROWS_PER_REQUEST) for customer in chunk)
        for number, customer in enumerate(rows):
            if number in places and customer.instance is not None:
                instances[places[number]] = customer.instance
        for start in range(0, of, _EXPLAINED_AT_ONCE):
            part = [instances[rank] for rank in range(start, min(start + _EXPLAINED_AT_ONCE, of))]
            self._kept.add_reasons(reason_texts(part, background, opened.evaluation.inputs, predict))
            alone.tell(Step("explaining", start + len(part), of).line())


if __name__ == "__main__":
    alone.do_task(_score)
