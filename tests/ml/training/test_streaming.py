"""Training from the disk: what the network sees is what transform wrote, each row once an epoch, in a new order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.features import FEATURES
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.errors import FinalError
from ml.training.packed_rows import Packing, raw_batches
from ml.training.preprocessing import Encoding
from ml.training.shuffle import DiskShuffle, pieces
from ml.training.transform import transform

SETTINGS = resolve(environment={})
NUMBERS = np.dtype([("number", np.int32)])


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streaming")
    write_csv(folder / "customers.csv", rows=4000, seed=5)
    accepted = Accepted(folder, "", 0, folder / "customers.csv", [], {})
    transform(accepted, schema=seed_schema(), settings=SETTINGS.transform, target=SETTINGS.target, out=folder)
    return folder


def numbered(rows: int) -> Any:
    return np.arange(rows, dtype=np.int32).view(NUMBERS)


def fitted(parquet: Path, scratch: Path, **changed: Any) -> tuple[list[Any], list[Any]]:
    """Weights and epochs of a network that was trained from the disk."""
    from ml.training.streaming import fit_stream

    settings = resolve(overrides=[f"train.{name}={value}" for name, value in changed.items()], environment={}).train
    encoding = Encoding.read(parquet.parent / "encoding.json")
    model, history = fit_stream(parquet, encoding, settings, scratch=scratch, on_epoch=lambda _: None, window_rows=1000)
    return model.get_weights(), history


def test_unpacked_rows_are_the_transformed_ones_bit_for_bit(examples: Path) -> None:
    from ml.training.train import network_inputs

    packing = Packing(Encoding.read(examples / "encoding.json"))
    table = pq.read_table(examples / "train.parquet").combine_chunks()
    rows = np.concatenate([packing.pack(batch) for batch in raw_batches(examples / "train.parquet")])
    x, y = packing.unpack(rows)
    assert x.tobytes() == network_inputs(table.to_batches()[0], Encoding.read(examples / "encoding.json")).tobytes()
    np.testing.assert_array_equal(y, table["label"].to_numpy())
    assert 8 * rows.nbytes < x.nbytes


def test_a_text_that_train_never_saw_is_what_the_encoding_makes_of_it(tmp_path: Path, examples: Path) -> None:
    encoding = Encoding.read(examples / "encoding.json")
    some = pq.read_table(examples / "train.parquet").slice(0, 3).select([*FEATURES, "label", "profile"])
    for name in ("Gender", "Profession"):  # the first has no slot for what is missing, the second one
        odd = pa.array(["Unheard of", " male ", "ARTIST"])
        some = some.set_column(some.schema.get_field_index(name), name, odd)
    pq.write_table(some, tmp_path / "odd.parquet")
    packing = Packing(encoding)
    x, _ = packing.unpack(np.concatenate([packing.pack(batch) for batch in raw_batches(tmp_path / "odd.parquet")]))
    expected = encoding.apply({name: some[name].to_numpy() for name in FEATURES})
    np.testing.assert_array_equal(x, np.concatenate(list(expected.values()), axis=1))


def test_every_row_comes_once_an_epoch_whatever_the_batches_and_in_another_order_each_time(tmp_path: Path) -> None:
    orders = []
    for sizes in ([5000], [1, 499, 4500]):
        with DiskShuffle(tmp_path, NUMBERS, rows=5000, seed=4, window_rows=700) as shuffle:
            start = 0
            for size in sizes:
                shuffle.add(numbered(5000)[start : start + size])
                start += size
            order = np.random.Generator(np.random.PCG64(4))
            orders.append([np.concatenate(list(shuffle.epoch(order)))["number"].tolist() for _ in range(2)])
    assert orders[0] == orders[1]
    first, second = orders[0]
    assert sorted(first) == sorted(second) == list(range(5000))
    assert first != second


def test_a_window_holds_rows_of_the_whole_file(tmp_path: Path) -> None:
    """The rows of a sorted file are in all windows alike: the mean of each window is that of the file."""
    rows = 200_000
    with DiskShuffle(tmp_path, NUMBERS, rows=rows, seed=4, window_rows=20_000) as shuffle:
        for start in range(0, rows, 1000):
            shuffle.add(numbered(rows)[start : start + 1000])
        windows = [window["number"] for window in shuffle.epoch(np.random.default_rng(0))]
    assert len(windows) == 10
    for window in windows:
        error = rows / 12**0.5 / len(window) ** 0.5
        assert abs(window.mean() - rows / 2) < 4 * error
        assert abs(np.corrcoef(window, np.arange(len(window)))[0, 1]) < 4 / len(window) ** 0.5


def test_nothing_is_left_on_the_disk_even_while_it_is_used(tmp_path: Path) -> None:
    with DiskShuffle(tmp_path, NUMBERS, rows=100, seed=4) as shuffle:
        shuffle.add(numbered(100))
        assert list(tmp_path.iterdir()) == []


def test_pieces_are_of_one_size_across_windows() -> None:
    windows = np.split(numbered(1000), [130, 135, 700])
    found = list(pieces(iter(windows), 64))
    assert [len(piece) for piece in found] == [64] * 15 + [40]
    np.testing.assert_array_equal(np.concatenate(found), numbered(1000))


@pytest.mark.usefixtures("libraries")
def test_a_seed_gives_the_same_weights_and_a_batch_layout_changes_nothing(examples: Path, tmp_path: Path) -> None:
    weights, history = fitted(examples / "train.parquet", tmp_path, epochs=2)
    other = tmp_path / "groups"
    other.mkdir()
    pq.write_table(pq.read_table(examples / "train.parquet"), other / "train.parquet", row_group_size=333)
    (other / "encoding.json").write_bytes((examples / "encoding.json").read_bytes())
    again, _ = fitted(other / "train.parquet", tmp_path, epochs=2)
    assert all(np.array_equal(one, two) for one, two in zip(weights, again, strict=True))
    different, _ = fitted(examples / "train.parquet", tmp_path, epochs=2, seed=21)
    assert not all(np.array_equal(one, two) for one, two in zip(weights, different, strict=True))
    assert history[1].loss < history[0].loss


@pytest.mark.usefixtures("libraries")
def test_it_learns_what_training_in_memory_learns(examples: Path, tmp_path: Path) -> None:
    from ml.training import train as step

    encoding = Encoding.read(examples / "encoding.json")
    rows = step._matrix(examples / "train.parquet", encoding)
    settings = resolve(overrides=["train.epochs=6"], environment={}).train
    _, in_memory = step.fit(*rows, settings, on_epoch=lambda _: None)
    _, streamed = fitted(examples / "train.parquet", tmp_path, epochs=6)
    best = [min(epoch.holdout_loss for epoch in history) for history in (in_memory, streamed)]
    # An untrained network has 0.69; the order of the rows is another one, so the losses are not equal.
    assert best[1] == pytest.approx(best[0], abs=0.02)


@pytest.mark.usefixtures("libraries")
def test_the_loss_is_the_mean_over_the_rows_however_many_pieces_they_come_in(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a learning rate of next to nothing the weights stay those of the start."""
    from ml.training import network, streaming
    from ml.training.split import is_holdout

    monkeypatch.setattr(streaming, "PIECE_ROWS", 100)
    _, history = fitted(examples / "train.parquet", tmp_path, epochs=1, learning_rate=1e-6, batch_size=1000)
    packing = Packing(Encoding.read(examples / "encoding.json"))
    rows = np.concatenate([packing.pack(batch) for batch in raw_batches(examples / "train.parquet")])
    held = is_holdout(pq.read_table(examples / "train.parquet")["profile"].to_numpy(), SETTINGS.train.holdout_share)
    x, y = packing.unpack(rows[held])
    model, _ = network.start(packing.width, learning_rate=1e-6, seed=SETTINGS.train.seed)
    p = network.predict(model, x).astype(np.float64)
    assert history[0].holdout_loss == pytest.approx(-np.log(np.where(y > 0, p, 1 - p)).mean(), abs=1e-3)
    assert history[0].holdout_accuracy == pytest.approx(((p > 0.5) == (y > 0.5)).mean(), abs=0.01)
    assert history[0].loss == pytest.approx(history[0].holdout_loss, abs=0.05)


@pytest.mark.usefixtures("libraries")
def test_early_stopping_watches_no_more_rows_than_it_needs(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.training import streaming

    seen: list[int] = []
    means = streaming._means
    monkeypatch.setattr(streaming, "_means", lambda sums, rows: seen.append(rows) or means(sums, rows))  # type: ignore[func-returns-value]
    monkeypatch.setattr(streaming, "MOST_HOLDOUT_ROWS", 100)
    fitted(examples / "train.parquet", tmp_path, epochs=1)
    total = pq.ParquetFile(examples / "train.parquet").metadata.num_rows
    assert seen[0] + seen[1] == total
    assert 50 <= seen[1] <= 150


@pytest.mark.usefixtures("libraries")
def test_an_empty_holdout_ends_the_run(examples: Path, tmp_path: Path) -> None:
    one = pq.read_table(examples / "train.parquet").slice(0, 1)
    (tmp_path / "one").mkdir()
    pq.write_table(one, tmp_path / "one" / "train.parquet")
    (tmp_path / "one" / "encoding.json").write_bytes((examples / "encoding.json").read_bytes())
    with pytest.raises(FinalError, match="1 training rows, 1 of them outside the holdout"):
        fitted(tmp_path / "one" / "train.parquet", tmp_path)


@pytest.mark.usefixtures("libraries")
def test_many_rows_are_streamed_and_few_are_not(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.artifacts import Examples
    from ml.training import streaming
    from ml.training import train as step

    calls: list[Path] = []
    fit_stream = streaming.fit_stream

    def counted(parquet: Path, *given: Any, **named: Any) -> Any:
        calls.append(parquet)
        return fit_stream(parquet, *given, **named)

    monkeypatch.setattr(streaming, "fit_stream", counted)
    settings = resolve(overrides=["train.epochs=1"], environment={}).train
    of = Examples(examples, "", 4000, 3200, 800)
    for name, limit, expected in (("few", step.IN_MEMORY, 0), ("many", 100_000, 1)):
        monkeypatch.setattr(step, "IN_MEMORY", limit)
        (tmp_path / name).mkdir()
        model = step.train(of, settings=settings, target=SETTINGS.target, replay_rows=5, out=tmp_path / name)
        assert len(calls) == expected
        assert model.epochs == 1
        made = {path.name for path in (tmp_path / name).iterdir()}
        assert made == {"saved_model", "replay.json", "history.json"}
