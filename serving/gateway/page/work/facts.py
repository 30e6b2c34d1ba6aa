"""What is known of a file that is scored for the page: facts.json in its directory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from serving.expectation.calibration import Calibration
from serving.expectation.economics import Economics
from serving.expectation.version_evaluation import VersionEvaluation
from serving.score.input_check import InputCheck
from serving.tables.column_names import MatchedColumns
from serving.tables.csv_layout import CsvLayout

NAME = "facts.json"


@dataclass
class Facts:
    """What is known; it grows with each step.

    Attributes:
        version: The version that answers.
        is_sample: Whether it was trained on made-up customers.
        target: The label of a target customer; "" when it is not known.
        customers: How many customers there are.
        left_out: How many rows have no value for any input.
        notes: Sentences about the file.
        columns: What was seen in each column, by the fields of `ColumnReport`.
        far: The columns that are further from the training data than chance explains, with their distances; "" if none.
        inputs_known: Whether it is known what the version knows of its inputs.
        unlike: How many customers are unlike those of the training; None when that is not known.
        header: The names of the columns of the file.
        layout: Separator, line end and the like, as `CsvLayout` takes them.
        inputs: The place of each input in a row.
        decimal_comma: Whether numbers have a decimal comma.
        calibration: As `Calibration.as_dict`; None when there is none.
        reason: Why what to expect is not known, as the end of a sentence.
        economics: The amounts in the settings of the version; None when nobody has set them.
        labels: How many customers got each label.
        explained: How many of the best have reasons.
        why_not: Why there are no reasons, or no more, as a sentence; "" when there are all.
    """

    version: int
    is_sample: bool
    target: str
    customers: int
    left_out: int
    notes: Sequence[str]
    columns: Sequence[Mapping[str, Any]]
    far: str
    inputs_known: bool
    header: Sequence[str]
    layout: Mapping[str, Any]
    inputs: Mapping[str, int]
    decimal_comma: bool
    calibration: Mapping[str, Any] | None
    reason: str
    economics: Mapping[str, Any] | None
    unlike: int | None = None
    labels: dict[str, int] = field(default_factory=dict)
    explained: int = 0
    why_not: str = ""

    @classmethod
    def of_file(
        cls, version: int, check: InputCheck, evaluation: VersionEvaluation, layout: CsvLayout, *, is_sample: bool
    ) -> Self:
        """What is known before anybody is scored."""
        return cls(
            version=version,
            is_sample=is_sample,
            target=evaluation.target,
            customers=check.customers,
            left_out=check.left_out_rows,
            notes=[*check.notes()],
            columns=[asdict(report) for report in check.reports()],
            far=check.far(),
            inputs_known=bool(evaluation.inputs),
            header=layout.header,
            layout={name: getattr(layout, name) for name in ("separator", "line_end", "bom", "names_separator")},
            inputs=layout.columns.index,
            decimal_comma=check.has_decimal_comma,
            calibration=evaluation.calibration.as_dict() if evaluation.calibration else None,
            reason=evaluation.reason,
            economics=evaluation.economics.as_dict() if evaluation.economics else None,
        )

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Reads what `write` wrote.

        Raises:
            OSError, ValueError, TypeError: It is not there, or something else.
        """
        return cls(**json.loads((directory / NAME).read_bytes()))

    def write(self, directory: Path) -> None:
        """Writes them; whoever reads meanwhile sees the old ones or the new ones."""
        beside = directory / f".{NAME}.part"
        beside.write_text(json.dumps(asdict(self)))
        beside.replace(directory / NAME)

    def csv_layout(self) -> CsvLayout:
        """The layout of the file."""
        return CsvLayout([*self.header], MatchedColumns(dict(self.inputs), {}), **self.layout)

    def line(self) -> Calibration | None:
        """The calibration, if there is one."""
        return Calibration.of(self.calibration) if self.calibration else None

    def settings(self) -> Economics | None:
        """The amounts in the settings of the version, if anybody has set them."""
        return Economics.of(self.economics) if self.economics else None
