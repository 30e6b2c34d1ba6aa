"""The process that writes a list for download."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from serving.expectation.economics import Economics
from serving.gateway.page.work.columns import more_columns
from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.scored_file import ROWS, ScoredFile
from serving.gateway.page.work.tasks import WriteTask
from serving.gateway.scoring import alone
from serving.gateway.scoring.task import Result
from serving.score import output_files
from serving.score.row_writers import row_writer


def _write(line: bytes) -> Result:
    task = WriteTask.read(line)
    alone.enter(task.directory)
    here = Path.cwd()
    facts, kept = Facts.read(here), ScoredFile(here)
    scored = kept.scored(facts.labels)
    probabilities = np.frombuffer(scored.probabilities, dtype=np.float32)
    best = scored.best(scored.rows)[: task.count]
    calibration = facts.line()
    more = more_columns(
        None if facts.unlike is None else kept.unlike()[best],
        kept.reasons(),
        facts.why_not,
        Economics.of(task.economics) if task.economics else None,
        calibration.apply(probabilities[best]) if calibration else None,
        facts.target,
    )
    target, layout = Path(task.name), facts.csv_layout()
    with (
        output_files.write_atomically(here / target) as out,
        row_writer(out, target, layout, decimal_comma=facts.decimal_comma) as writer,
        Path(ROWS).open("rb") as rows,
    ):
        output_files.write_ranking(layout.header, scored, best, calibration, rows, writer, more)
    return Result(200, version=facts.version)


if __name__ == "__main__":
    sys.exit(alone.do_task(_write))
