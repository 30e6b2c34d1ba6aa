"""Joins outcomes to a data set that was obtained, as a file beside it; data.csv stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace

from ml.artifacts import Dataset
from ml.data.outcomes.content import with_outcomes
from ml.data.outcomes.outcome_rows import NAME, write_outcome_rows
from ml.data.schema import Schema
from ml.feedback.reading import Directories, read_feedback
from ml.feedback.training.chances import chances
from ml.feedback.training.training_rows import dates_of, training_rows, versions_of
from ml.storage.files import sha256_file

log = logging.getLogger(__name__)


def join_outcomes(dataset: Dataset, directories: Directories, *, model: str, target: str, schema: Schema) -> Dataset:
    """Write the rows that outcomes add into the directory of `dataset`, and return the data set with them.

    What the gateway writes afterwards changes nothing about it. Without any row the data set stays as it is. The
    summary, and a warning if nobody but customers on lists has an outcome, stand in `Dataset.outcomes`.

    Args:
        dataset: What was obtained.
        directories: What the gateway wrote.
        model: The model whose rows count.
        target: The word for a target customer.
        schema: The one of the run.

    Raises:
        OSError: A file cannot be read or written.
    """
    feedback = read_feedback(directories, model=model)
    found = training_rows(feedback, target=target, schema=schema)
    left_out = dict(found.left_out)
    unread = {name: count for name, count in asdict(feedback.unreadable).items() if count}
    if unread:
        left_out["unreadable"] = sum(unread.values())
    if not found.rows:
        log.info("no outcome joins the training set%s", _told(left_out))
        return dataset
    path = dataset.path / NAME
    write_outcome_rows(found.rows, path)
    rows_sha256 = sha256_file(path)
    known = chances(found.rows, feedback.scored)
    first, *_, last = [*dates_of(found.rows)] * 2
    versions = versions_of(found.rows)
    log.info(
        "outcomes of %d customers join the training set, from %s to %s, scored by version %s%s",
        len(found.rows),
        first,
        last,
        ", ".join(f"{number} ({count})" for number, count in versions.items()),
        _told(left_out),
    )
    if known.warning:
        log.warning("%s", known.warning)
    summary = {
        "rows": len(found.rows),
        "rows_sha256": rows_sha256,
        "base_sha256": dataset.sha256,
        "versions": versions,
        "first": first,
        "last": last,
        "chances": asdict(known),
        "warning": known.warning,
        "left_out": left_out,
    }
    return replace(dataset, sha256=with_outcomes(dataset.sha256, rows_sha256), outcomes=summary)


def _told(left_out: Mapping[str, int]) -> str:
    if not left_out:
        return ""
    return f"; left out: {', '.join(f'{case} {count}' for case, count in left_out.items())}"
