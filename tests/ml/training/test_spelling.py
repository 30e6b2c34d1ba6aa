"""Categories in another spelling: training, validation, the profile hash and the served graph take them alike."""

from __future__ import annotations

import csv
import hashlib
import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml.data.csv_reader import read_columns
from ml.data.features import CATEGORICAL, FEATURES, NUMERIC
from ml.data.put_right import PutRight
from ml.data.schema import seed_schema
from ml.pipeline.local_runner import RetrainResult
from ml.storage.root import Root
from ml.training.preprocessing import Encoding, Fitter
from serving.client.model_client import ModelServer
from serving.server import embedded
from serving.tables.category_spelling import ASCII_BLANKS, fold
from tests.ml.conftest import settings_for
from tests.ml.training.test_split_and_preprocessing import transformed_to

pytestmark = pytest.mark.usefixtures("libraries")


def other_spelling(text: str, chance: random.Random) -> str:
    """The same category for people: other case, blanks around it."""
    letters = "".join(chance.choice((letter.upper(), letter.lower())) for letter in text)
    return "".join(chance.choices(ASCII_BLANKS, k=2)) + letters + chance.choice(ASCII_BLANKS)


@pytest.fixture(scope="module")
def respelled(customers_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All customers, every category of every second one spelled in another way."""
    chance, path = random.Random(5), tmp_path_factory.mktemp("respelled") / "customers.csv"
    with customers_csv.open(newline="") as file, path.open("w", newline="") as out:
        reader = csv.DictReader(file)
        writer = csv.DictWriter(out, list(reader.fieldnames or ()))
        writer.writeheader()
        for number, row in enumerate(reader):
            for name in (*CATEGORICAL, "Segmentation"):
                if row[name] and number % 2:
                    row[name] = other_spelling(row[name], chance)
            writer.writerow(row)
    return path


def old_hashes(path: Path, salt: str) -> list[int]:
    """The profile hash as it always was, from the text of the file, without the code under test."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    profiles = (
        "\x1f".join(f"{float(row[name]):.6g}" if name in NUMERIC and row[name] else row[name] for name in FEATURES)
        for row in rows
    )
    digests = (hashlib.blake2b(f"{salt}\x1f{profile}".encode(), digest_size=8).digest() for profile in profiles)
    return [int.from_bytes(digest, "big") for digest in digests]


def test_the_split_of_a_file_in_the_spelling_of_the_schema_is_the_same_row_for_row(
    customers_csv: Path, respelled: Path, tmp_path: Path
) -> None:
    settings = settings_for(customers_csv)
    expected = old_hashes(customers_csv, settings.transform.salt)
    eval_rows = [number for number in expected if number % 10_000 < 2000]
    plain = transformed_to(tmp_path / "plain", customers_csv, settings)
    assert pq.read_table(plain / "eval.parquet")["profile"].to_pylist() == eval_rows
    other = transformed_to(tmp_path / "other", respelled, settings)
    for name in ("train.parquet", "eval.parquet", "encoding.json"):
        assert (plain / name).read_bytes() == (other / name).read_bytes()


def test_every_respelled_value_is_counted(customers_csv: Path, respelled: Path) -> None:
    put_right, none = PutRight(), PutRight()
    columns, plain = read_columns(respelled, put_right), read_columns(customers_csv, none)
    assert {name: column.to_pylist() for name, column in columns.items()} == {
        name: column.to_pylist() for name, column in plain.items()
    }
    assert none.respelled == {}
    for name in (*CATEGORICAL, "Segmentation"):
        present = sum(value is not None for value in plain[name].to_pylist()[1::2])
        assert put_right.respelled[name].total() == present


@pytest.fixture(scope="module")
def server(first_run: tuple[Root, RetrainResult]) -> Iterator[ModelServer]:
    with embedded.embedded_server(first_run[0].models / "customer-model") as url:
        found = ModelServer(url)
        found.wait_available(1, deadline=60)
        yield found


def test_the_served_graph_takes_the_same_spellings(server: ModelServer) -> None:
    chance = random.Random(9)
    for name in CATEGORICAL:
        for value in seed_schema().spellings[name].values():
            row = dict.fromkeys(FEATURES, "") | {"Age": 30.0, "Work_Experience": 1.0, "Family_Size": math.nan}
            spelled = [value, *(other_spelling(value, chance) for _ in range(3))]
            other = [f"{value}\xa0", f"\x1c{value}", value.replace(value[0], "\uff21", 1), f"{value}."]
            answers = server.predict([row | {name: text} for text in [*spelled, *other, ""]])
            known, *rest = [answer["probability"] for answer in answers]
            # Rows of a batch may differ in the last digit: which instructions add a row depends on its place.
            assert rest[:3] == pytest.approx([known] * 3, rel=1e-6)
            assert rest[3:7] == pytest.approx([rest[-1]] * 4, rel=1e-6), "nothing else is bridged: unknown is missing"


def test_python_folds_ascii_alone() -> None:
    assert fold(" \t\n\v\f\rÄRZTIN \x1c\xa0 ") == "\xc4rztin \x1c\xa0"
    assert fold("\u212a\u0130") == "\u212a\u0130", "Kelvin and the dotted I have a small form outside ASCII"


def test_a_value_that_the_schema_does_not_know_has_one_slot_for_all_its_spellings() -> None:
    fitter = Fitter()
    columns = {name: np.array(["Pirate", "PIRATE ", "Artist"], dtype=object) for name in CATEGORICAL}
    numbers = {name: np.array([1.0, 2.0, 3.0], dtype=np.float32) for name in NUMERIC}
    fitter.add(columns | numbers)
    encoding = fitter.fitted()
    profession = next(feature for feature in encoding.features if feature.name == "Profession")
    assert profession.width == 2
    assert profession.apply(columns["Profession"]).sum(axis=1).tolist() == [1.0, 1.0, 1.0]
    assert isinstance(encoding, Encoding)
