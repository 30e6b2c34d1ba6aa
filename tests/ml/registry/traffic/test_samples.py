"""Samples form what was asked before a time and since; our own questions and other servers' are not among it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml.config.settings import resolve
from ml.registry.traffic import samples
from ml.registry.traffic.counters import Counters
from ml.registry.traffic.samples import Sample, read_samples, take_sample, traffic_between
from ml.storage.root import Root
from serving.metrics import ServerMetrics
from tests.ml.probation.world import metrics_server

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def sample(minutes: int, answered: int, *, own: bool = False, url: str = "http://a") -> Sample:
    return Sample(NOON + timedelta(minutes=minutes), url, Counters(0, {1000.0: answered}), own)


def between(kept: list[Sample], start: int, end: int, *, overlaps: bool = False) -> int:
    at = [NOON + timedelta(minutes=minutes) for minutes in (start, end)]
    return traffic_between(kept, at[0], at[1], overlaps=overlaps).answered


def test_whole_stretches_between_two_times() -> None:
    kept = [sample(0, 10), sample(30, 110), sample(60, 310), sample(90, 610)]
    assert between(kept, 30, 90) == 500
    assert between(kept, 31, 90) == 300, "a stretch over the beginning is nobody's"
    assert between(kept, 31, 90, overlaps=True) == 500
    assert between(kept, 0, 59) == 100
    assert between([], 0, 59) == 0


def test_our_own_questions_and_another_server_do_not_count() -> None:
    assert between([sample(0, 10), sample(1, 5000, own=True), sample(30, 5100)], 0, 30) == 100
    assert between([sample(0, 10), sample(30, 5000, url="http://b"), sample(60, 5001, url="http://b")], 0, 60) == 1


def test_a_restart_loses_only_what_it_forgot() -> None:
    assert between([sample(0, 1000), sample(30, 40), sample(60, 90)], 0, 60) == 90


def test_a_real_page_is_remembered_and_the_file_stays_small(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_SAMPLES", 3)
    metrics = ServerMetrics(["customer-model"])
    with metrics_server(metrics) as url:
        settings = resolve(overrides=[f"serving.url={url!r}"], environment={})
        for minute in range(5):
            metrics.request("customer-model", "OK", "predict", 0.002)
            assert take_sample(root, settings, now=NOON + timedelta(minutes=minute), own=minute == 4)
    kept = read_samples(root)
    assert [one.counters.answered for one in kept] == [3, 4, 5]
    assert [one.own for one in kept] == [False, False, True]
    assert kept[0].at == NOON + timedelta(minutes=2)


@pytest.mark.parametrize("url", ["", "'http://127.0.0.1:9'"])
def test_without_a_page_nothing_is_remembered_and_nothing_fails(root: Root, url: str) -> None:
    settings = resolve(overrides=[f"serving.url={url}"] if url else [], environment={})
    assert not take_sample(root, settings)
    assert not root.traffic.exists()


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"samples": 3}', '{"samples": [{"at": 1}, null, {"at": "2026-01-01", "url": "", "own": 0}]}']
)
def test_a_damaged_file_is_an_empty_one(root: Root, damage: str) -> None:
    root.traffic.write_text(damage)
    assert read_samples(root) == []


def test_a_file_that_cannot_be_written_fails_nothing(root: Root) -> None:
    root.traffic.mkdir()
    with metrics_server(ServerMetrics(["customer-model"])) as url:
        assert not take_sample(root, resolve(overrides=[f"serving.url={url!r}"], environment={}))
