"""Data sets that show one finding of validation each: the sample, with one thing wrong in it."""

from __future__ import annotations

import contextlib
import csv
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml.artifacts import Dataset
from ml.config.settings import BeamSettings, Settings, resolve
from ml.data.features import COLUMNS, FEATURES
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.errors import BlockedError
from ml.storage.files import read_json
from ml.validation.validate import validate

Row = dict[str, str]
ROWS = 3000


def put(count: int, **values: str) -> Callable[[int, Row], None]:
    """Write these values into the first `count` rows."""
    return lambda number, row: row.update(values) if number < count else None


def drop(name: str) -> Callable[[int, Row], None]:
    """Take a column away."""

    def without(_: int, row: Row) -> None:
        del row[name]

    return without


def let_profession_tell(_: int, row: Row) -> None:
    """Put the label into a feature, in words that the schema knows."""
    row["Profession"] = dict(zip("ABCD", ("Artist", "Doctor", "Engineer", "Executive"), strict=True))[
        row["Segmentation"]
    ]


def number_by_segment(number: int, row: Row) -> None:
    """Give the identifiers out segment by segment, but for every third, which is given out with the first."""
    row["ID"] = str(100_000 * "ABCD".index(row["Segmentation"] if number % 3 else "A") + number)


def draw_the_label(number: int, row: Row) -> None:
    """Take a label that has nothing to do with the customer."""
    row["Segmentation"] = random.Random(number).choice("ABCD")


@dataclass(frozen=True)
class Damage:
    """`edit` is applied to every row of the first `rows`; `before` to the data of the version that serves, if any."""

    edit: Callable[[int, Row], None]
    rows: int = ROWS
    before: Callable[[int, Row], None] | None = None
    target: str = "Segmentation"


DAMAGES: Mapping[str, Damage] = {
    "DATASET_LOW_NUM_EXAMPLES": Damage(put(0), rows=812),
    "SCHEMA_MISSING_COLUMN": Damage(drop("Age")),
    "SCHEMA_MISSING_COLUMN (label)": Damage(drop("Segmentation")),
    "SCHEMA_NEW_COLUMN": Damage(put(ROWS, Newsletter="yes")),
    "UNEXPECTED_DATA_TYPE": Damage(put(3, Age="young")),
    "FLOAT_TYPE_SMALL_FLOAT": Damage(put(2, Age="-5")),
    "FLOAT_TYPE_BIG_FLOAT": Damage(put(1, Age="999")),
    "FLOAT_TYPE_HAS_INF": Damage(put(2, Age="inf")),
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": Damage(put(1800, Work_Experience="")),
    "FEATURE_TYPE_NOT_PRESENT": Damage(put(ROWS, Gender="")),
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": Damage(put(150, Profession="Pirate")),
    "unseen_label": Damage(put(1, Segmentation="E")),
    "single_class (none)": Damage(put(ROWS, Segmentation="A")),
    "single_class (all)": Damage(put(ROWS, Segmentation="D")),
    "duplicate_id": Damage(put(2, ID="500100")),
    "respelled": Damage(put(3, Gender=" male")),
    "no_feature": Damage(put(2, **dict.fromkeys(FEATURES, ""))),
    "label_leak": Damage(let_profession_tell),
    "id_tells_label": Damage(number_by_segment),
    "label_noise": Damage(draw_the_label),
    "missing_target": Damage(put(0), target="Churned"),
    "COMPARATOR_L_INFTY_HIGH": Damage(put(300, Gender="Female"), before=put(0)),
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": Damage(put(300, Age="40"), before=put(0)),
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH (range)": Damage(put(300, Family_Size="12"), before=put(0)),
}


LATE: Mapping[str, Callable[[int, Row], None]] = {
    "text in the last row": lambda n, row: row.update(Age="young", ID="x") if n == 2999 else None,
    "a plus sign": lambda n, row: row.update(Age="+5", ID="+500123") if n == 2000 else None,
    "identifiers with fractions": lambda n, row: row.update(ID="500003.0") if n == 2500 else None,
    "hexadecimal identifiers": lambda n, row: row.update(ID="0x1F") if n == 2500 else None,
    "identifiers in words": lambda n, row: row.update(ID=f"Customer {n % 2900}"),
    "many classes": lambda n, row: row.update(Segmentation=f"{row['Segmentation']}{n % 40}" if n > 1000 else "D"),
    "many new values": lambda n, row: row.update(Profession=f"Job {n // 3}"),
    "no label in some rows": put(300, Segmentation=""),
}
"""What the first rows do not show, or only they."""


def number_in_words(number: int, row: Row) -> None:
    """Identifiers that tell the label, as texts of which some are not ASCII, and twenty occur twice."""
    number_by_segment(number, row)
    row["ID"] = f"{'kunde' if number % 2 else 'künde'} {row['ID'] if number >= 20 else 300_000 + number}"


def number_twice(number: int, row: Row) -> None:
    """Identifiers of which each occurs in two shards, and the smallest four hundred times."""
    row["ID"] = str(number % 1500) if number % 8 else "0"


def damage_some(number: int, row: Row) -> None:
    """Several things wrong in rows far from one another, and rows that are left out."""
    row |= {"Gender": " male"} if number % 500 == 3 else {}
    row |= {"Profession": f"pirate {number}"} if number % 300 == 7 else {}
    row |= {"Age": str(number)} if number % 700 == 9 else {}
    row |= {"Segmentation": ""} if number % 400 == 11 else {}
    if number % 900 == 13:
        row.update({name: "" for name in row if name not in ("ID", "Segmentation")})


SPREAD: Mapping[str, Damage] = {
    "identifiers in words that tell": Damage(number_in_words),
    "identifiers of several shards": Damage(number_twice),
    "several damages": Damage(damage_some),
}
"""What several parts of the rows show together."""


def findings_of(damage: Damage, directory: Path) -> Iterator[tuple[str, str, bool]]:
    """Kind, sentence and whether it blocks, for each finding of the real validation with the default settings."""
    for finding in report_of(damage, directory)["findings"]:
        yield finding["kind"], finding["sentence"], finding["blocks"]


def report_of(damage: Damage, directory: Path, beam: BeamSettings | None = None) -> dict[str, Any]:
    """What validation.json holds, with the default settings; `directory/now/validate` has the statistics."""
    settings = resolve(environment={})
    previous = None
    if damage.before is not None:
        before = replace(damage, edit=damage.before, before=None)
        previous = _validated(before, settings, directory / "before", None) / "statistics.pb"
    out = _validated(damage, settings, directory / "now", previous, beam)
    (report,) = (path for path in (out / "validation.json", out.parent / "validation.json") if path.exists())
    found: dict[str, Any] = read_json(report)
    return found


def _validated(
    damage: Damage, settings: Settings, directory: Path, previous: Path | None, beam: BeamSettings | None = None
) -> Path:
    place, out = directory / "ingest", directory / "validate"
    place.mkdir(parents=True)
    out.mkdir()
    dataset = Dataset(path=place, sha256="", rows=0, source="test")
    write_csv(dataset.csv, rows=damage.rows, seed=3)
    with dataset.csv.open(newline="") as file:
        rows = [{name: row[name] for name in COLUMNS} for row in csv.DictReader(file)]
    for number, row in enumerate(rows):
        damage.edit(number, row)
    with dataset.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    target = replace(settings.target, column=damage.target)
    with contextlib.suppress(BlockedError):
        validate(
            dataset,
            schema=seed_schema(),
            settings=settings.validate,
            target=target,
            champion_statistics=previous,
            out=out,
            beam=beam,
        )
    return out
