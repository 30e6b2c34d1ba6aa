"""Statistics of shards by Beam's DirectRunner are those of the whole file in this process."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ml.beam.statistics import generate_statistics
from ml.config.settings import BeamSettings
from ml.data.schema import seed_schema
from ml.errors import SettingsError, TransientError
from tests.ml.beam.same_statistics import assert_same, in_process, shards_of

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
DIRECT = BeamSettings("DirectRunner", (), 300.0, "")
SEED = seed_schema()


@pytest.fixture
def shards(sample_csv: Path, tmp_path: Path) -> list[Path]:
    return shards_of(sample_csv, tmp_path, count=3)


def test_the_real_file_in_shards_has_the_same_statistics(customers_csv: Path, tmp_path: Path) -> None:
    shards = shards_of(customers_csv, tmp_path, count=4)
    found = generate_statistics([*map(str, shards)], schema=SEED, settings=DIRECT, out=str(tmp_path / "statistics.pb"))
    assert_same(found, in_process(customers_csv), customers_csv)


def test_the_direct_runner_fetches_no_program(
    shards: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Beam's own would say `Downloading prism`, and go on without when there is no network."""
    caplog.set_level(logging.INFO)
    generate_statistics([*map(str, shards)], schema=SEED, settings=DIRECT, out=str(tmp_path / "statistics.pb"))
    assert "apache_beam" in {record.name.partition(".")[0] for record in caplog.records}
    assert "prism" not in caplog.text.lower()


def test_a_text_in_one_shard_makes_the_column_text_in_all(shards: list[Path], sample_csv: Path, tmp_path: Path) -> None:
    damaged, column = "soon", sample_csv.read_text().splitlines()[0].split(",").index("Age")
    whole = sample_csv.read_text().splitlines()
    fields = whole[5].split(",")
    fields[column] = damaged
    whole[5] = ",".join(fields)
    (tmp_path / "whole.csv").write_text("\n".join(whole) + "\n")
    shards = shards_of(tmp_path / "whole.csv", tmp_path, count=3)
    assert sum(damaged in shard.read_text() for shard in shards) == 1
    found = generate_statistics([*map(str, shards)], schema=SEED, settings=DIRECT, out=str(tmp_path / "statistics.pb"))
    (age,) = (feature for feature in found.datasets[0].features if feature.path.step[0] == "Age")
    assert age.HasField("string_stats")
    assert_same(found, in_process(tmp_path / "whole.csv"), tmp_path / "whole.csv")


def test_a_broken_shard_names_itself(shards: list[Path], tmp_path: Path) -> None:
    shards[1].write_text(shards[1].read_text() + "one,field,too,few\n")
    with pytest.raises(TransientError, match=r"part-01\.csv: 1 broken rows: line "):
        generate_statistics([*map(str, shards)], schema=SEED, settings=DIRECT, out=str(tmp_path / "statistics.pb"))
    assert not (tmp_path / "statistics.pb").exists()


def test_shards_with_other_columns_are_refused(shards: list[Path], tmp_path: Path) -> None:
    shards[2].write_text(shards[2].read_text().replace("Age", "Years", 1))
    with pytest.raises(TransientError, match="have other columns: Age, Years"):
        generate_statistics([*map(str, shards)], schema=SEED, settings=DIRECT, out=str(tmp_path / "statistics.pb"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (BeamSettings("", (), 1.0, ""), "beam.runner is empty"),
        (BeamSettings("DirectRunner", ("--runner=FlinkRunner",), 1.0, ""), "names a runner, too"),
    ],
)
def test_without_one_runner_nothing_is_run(settings: BeamSettings, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        generate_statistics([str(tmp_path)], schema=SEED, settings=settings, out=str(tmp_path / "statistics.pb"))
