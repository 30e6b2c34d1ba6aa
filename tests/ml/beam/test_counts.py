"""What validation finds with a runner, in several shards and several ranges of identifiers, is what it finds here."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import Dataset
from ml.beam import split
from ml.config.settings import BeamSettings, resolve
from ml.data.schema import seed_schema
from ml.errors import DataError, SettingsError, TransientError
from ml.storage.root import Root
from ml.validation.counts.by_runner import count_by_runner
from tests.ml.beam.same_statistics import assert_same, by_runner, in_process, shards_of
from tests.ml.beam.same_step import assert_validates_alike, in_parts, statistics_in
from tests.ml.validation.damaged_data import DAMAGES, LATE, SPREAD, Damage, report_of

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # libraries', as in the process of its own
    pytest.mark.usefixtures("libraries"),
]
DIRECT = BeamSettings("DirectRunner", (), 300.0, "")


CASES = {
    **{name: DAMAGES[name] for name in DAMAGES if name.endswith("leak") or name in ("id_tells_label", "label_noise")},
    **{
        name: DAMAGES[name]
        for name in (
            "duplicate_id", "respelled", "no_feature", "missing_target", "SCHEMA_MISSING_COLUMN (label)",
            "single_class (all)", "FLOAT_TYPE_HAS_INF", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "COMPARATOR_L_INFTY_HIGH",
            "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
        )
    },
    **{name: Damage(LATE[name]) for name in LATE},
    **SPREAD,
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_findings_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    in_parts(monkeypatch, shard=20_000, rows=700, identifiers=400)
    caplog.set_level(logging.INFO, "ml.validation")
    expected = report_of(CASES[name], tmp_path / "here")
    assert "shards" not in caplog.text
    assert report_of(CASES[name], tmp_path / "there", DIRECT) == expected
    assert int(re.findall(r"validate: (\d+) shards by DirectRunner", caplog.text)[0]) > 2
    found, here = (statistics_in(tmp_path / place / "now" / "validate") for place in ("there", "here"))
    assert_same(found, here, tmp_path / "here" / "now" / "ingest" / "data.csv")


def test_the_step_says_the_same_of_the_real_file(
    customers_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts(monkeypatch, shard=100_000, rows=1, identifiers=3000)
    assert_validates_alike(Root(tmp_path / "root"), customers_csv, DIRECT)


def test_one_job_is_enough_for_data_as_they_should_be_and_tells_how_far_it_is(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_parts(monkeypatch, shard=20_000, rows=1, identifiers=400)
    monkeypatch.setattr("ml.beam.done_shards.LINE_SECONDS", 0.01)
    caplog.set_level(logging.INFO, "ml")
    counted(sample_csv, tmp_path)
    assert re.search(r"DirectRunner: \d+ of \d+ shards are done", caplog.text)
    assert len(re.findall(r"validate: \d+ shards", caplog.text)) == 1


def test_a_shard_with_a_header_alone_changes_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Identifiers that occur twice are found as without it."""
    in_parts(monkeypatch, shard=20_000, rows=1, identifiers=400)
    real = split.split

    def with_an_empty_one(source: Path, directory: str, **more: Any) -> list[split.Shard]:
        first, *others = real(source, directory, **more)
        empty = Path(directory, "empty.csv")
        empty.write_text(Path(first.path).read_text().partition("\n")[0] + "\n")
        return [first, split.Shard(str(empty), 0), *others]

    monkeypatch.setattr(split, "split", with_an_empty_one)
    damage = DAMAGES["duplicate_id"]
    assert report_of(damage, tmp_path / "there", DIRECT) == report_of(damage, tmp_path / "here")


def test_identifiers_are_sorted_in_several_ranges(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts(monkeypatch, shard=20_000, rows=1, identifiers=400)
    counts, _ = counted(sample_csv, tmp_path)
    sizes = [one.order.by_class.sum() for one in counts.sentinel.sorted_elsewhere._ranges]
    assert len(sizes) == 8  # of 3,000 rows
    assert sum(sizes) == 3000
    assert max(sizes) < 2 * min(sizes)


def counted(csv: Path, directory: Path) -> Any:
    (place := directory / "ingest").mkdir()
    (place / "data.csv").write_bytes(csv.read_bytes())
    dataset = Dataset(place, "", 3000, "file:customers.csv")
    target = resolve(environment={}).target
    try:
        return count_by_runner(dataset, seed_schema(), target=target, max_examples=10, beam=DIRECT)
    finally:
        assert [path.name for path in place.iterdir()] == ["data.csv"]  # no shard is left


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,Male,No", r"customers\.csv: 1 broken rows: line 2002: 3 fields instead of 11 in '1,Male,No'\."),
        (
            "1,%s,No,22,No,Doctor,1,Low,4,Cat_4,D" % ("x" * 300),
            r"customers\.csv: column 'Gender' has a value of 300 by",
        ),
    ],
)
def test_a_broken_row_has_the_name_and_the_line_of_the_file(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    in_parts(monkeypatch, shard=20_000, rows=1, identifiers=400)
    lines = sample_csv.read_text().splitlines()
    (tmp_path / "broken.csv").write_text("\n".join([*lines[:2001], line, *lines[2001:]]) + "\n")
    with pytest.raises(DataError, match=said):
        counted(tmp_path / "broken.csv", tmp_path)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0, r"workers have read 2,999 rows, and 3,000 were written\. Check the disk"),
        (20, r"A worker could not read a shard: part-00000\.csv: .* Check the disk"),
    ],
    ids=["a row less", "half a row"],
)
def test_a_shard_that_is_not_as_it_was_written_is_no_fault_of_the_data(
    sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, said: str
) -> None:
    from ml.beam import split as module

    whole = module.split

    def losing(*arguments: Any, **options: Any) -> Any:
        shards = whole(*arguments, **options)
        last = Path(shards[-1].path)
        lines = last.read_text().splitlines(keepends=True)
        last.write_text("".join(lines[:-1]) + lines[-1][:left])
        return shards

    monkeypatch.setattr(module, "split", losing)
    with pytest.raises(TransientError, match=said):
        counted(sample_csv, tmp_path)


def test_the_direct_runner_fetches_no_program(
    sample_csv: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Beam's own would say `Downloading prism`, and go on without when there is no network."""
    caplog.set_level(logging.INFO)
    found = by_runner(shards_of(sample_csv, tmp_path, count=3), DIRECT, tmp_path / "job")
    assert_same(found, in_process(sample_csv), sample_csv)
    assert "apache_beam" in {record.name.partition(".")[0] for record in caplog.records}
    assert "prism" not in caplog.text.lower()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (BeamSettings("", (), 1.0, ""), "beam.runner is empty"),
        (BeamSettings("DirectRunner", ("--runner=FlinkRunner",), 1.0, ""), "names a runner, too"),
        (BeamSettings("DirectRunner", ("--direct_num_workers=many",), 1.0, ""), "a value that Beam does not take"),
    ],
)
def test_without_one_runner_nothing_is_run(settings: BeamSettings, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        by_runner([tmp_path], settings, tmp_path / "job")
