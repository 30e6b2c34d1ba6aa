"""What a metrics page says of a model, and what happened between two of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ml.registry.traffic.counters import Counters
from ml.registry.traffic.metrics_page import counters_of
from serving.metrics import ServerMetrics

RECORDED = Path(__file__).parents[3] / "prometheus" / "recorded" / "page_serving.txt"


def page(*answers: float, failed: int = 0, status: str = "INTERNAL") -> str:
    """A page of our model server after answers that took so many seconds."""
    metrics = ServerMetrics(["customer-model"])
    for seconds in answers:
        metrics.request("customer-model", "OK", "predict", seconds)
    for _ in range(failed):
        metrics.request("customer-model", status, "predict", 0.001)
    metrics.request("customer-model", "OK", "", 5.0)  # a question for the status
    metrics.request("other", "INTERNAL", "predict", 0.001)
    return metrics.page().decode()


def test_answers_and_failures_of_one_model() -> None:
    found = counters_of(page(0.001, 0.002, 0.002, failed=2), "customer-model")
    assert found is not None
    assert (found.answered, found.failed, found.questions) == (3, 2, 5)
    assert found.failed_share == pytest.approx(0.4)


@pytest.mark.parametrize("status", ["INVALID_ARGUMENT", "NOT_FOUND", "CANCELLED"])
def test_what_the_asker_did_wrong_is_no_failure(status: str) -> None:
    found = counters_of(page(0.001, failed=7, status=status), "customer-model")
    assert found is not None
    assert found.questions == 1


def test_a_recorded_page_of_a_server() -> None:
    text = RECORDED.read_text()
    found = counters_of(text, "customer-model")
    assert found is not None
    answered = sum(
        int(line.split()[-1])
        for line in text.splitlines()
        if line.startswith(":tensorflow:serving:request_latency_count") and 'API="predict"' in line
    )
    assert found.answered == answered > 0
    assert found.failed == 0
    assert 0 < found.median_ms() < 100


@pytest.mark.parametrize("text", ["", "<html>", '{"error": "no"}'])
def test_what_is_no_metrics_page_says_nothing(text: str) -> None:
    assert counters_of(text, "customer-model") is None


def test_the_median_lies_in_the_bucket_of_the_middle_answer() -> None:
    found = counters_of(page(*[0.004] * 6, *[0.5] * 5), "customer-model")
    assert found is not None
    assert 3.5706 < found.median_ms() < 6.4269, "10 us * 1.8^10 and 1.8^11"
    assert math.isnan(Counters().median_ms())
    assert Counters(0, {1000.0: 1, math.inf: 9}).median_ms() == 1.0, "of the last bucket nobody knows an upper bound"


def test_the_difference_of_two_pages_and_a_restart_between_them() -> None:
    before, after = (counters_of(page(*[0.002] * n, failed=n), "customer-model") for n in (5, 12))
    assert before is not None
    assert after is not None
    assert (after.since(before).answered, after.since(before).failed) == (7, 7)
    assert before.since(after) == before, "all that a server that was started anew has counted is new"
    assert (before + after).questions == 34


def test_it_survives_its_file() -> None:
    found = counters_of(page(0.0013, 0.2, 7.0, failed=3), "customer-model")
    assert found is not None
    kept = Counters.of(found.as_dict())
    assert found.since(kept).questions == 0
    assert kept.since(found).questions == 0, "not taken for a restart"
