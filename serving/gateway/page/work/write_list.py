"""The process that writes a list for download, and of a kept list its record."""

from __future__ import annotations

from pathlib import Path

from serving.expectation.economics import Economics
from serving.gateway.page.work.columns import more_columns
from serving.gateway.page.work.facts import Facts
from serving.gateway.page.work.kept_record import write_record
from serving.gateway.page.work.origin import source_of
from serving.gateway.page.work.scored_file import ROWS, ScoredFile
from serving.gateway.page.work.tasks import WriteTask
from serving.gateway.scoring import alone
from serving.gateway.scoring.task import Result
from serving.records.kept_lists import KEPT
from serving.score import output_files
from serving.score.lists.drawn_list import DrawnList
from serving.score.lists.list_columns import ListColumns
from serving.score.lists.list_file import write_list
from serving.score.row_writers import row_writer


def _write(line: bytes) -> Result:
    task = WriteTask.read(line)
    alone.enter(task.directory)
    here = Path.cwd()
    facts, kept = Facts.read(here), ScoredFile(here)
    scored = kept.scored(facts.labels)
    order = scored.best(scored.rows)
    count = min(task.count, len(order))
    drawn = DrawnList.of(order, count, source_of(here), explore=task.explore, control=task.control)
    best = drawn.draw.rows
    calibration = facts.line()
    more = more_columns(
        drawn,
        None if facts.unlike is None else kept.unlike()[best],
        kept.reasons(),
        facts.why_not,
        Economics.of(task.economics) if task.economics else None,
        calibration.apply(scored.by_row()[best]) if calibration else None,
        facts.target,
    )
    target, layout = Path(task.name), facts.csv_layout()
    listed = ListColumns(drawn.id, facts.version, drawn)
    with (
        output_files.write_atomically(here / target) as out,
        row_writer(out, target, layout, decimal_comma=facts.decimal_comma) as writer,
        Path(ROWS).open("rb") as rows,
    ):
        write_list(layout.header, scored, listed, calibration, rows, writer, more)
    kept_at = Path(task.kept) if task.kept else here
    log = ""
    if (kept_at / KEPT).exists():
        try:
            write_record(kept_at, here, scored, drawn)
        except OSError as error:  # the list is none the worse for it
            log = f"the record of a kept list cannot be written ({error.strerror or error})"
    return Result(200, version=facts.version, log=log)


if __name__ == "__main__":
    alone.do_task(_write)
