"""The rule by which a record tells which version answered: the asks before and after, and all between."""

import pytest

from serving.gateway.records.certain_version import CertainVersion
from serving.gateway.records.frames import StatusAsk


@pytest.mark.parametrize(
    ("asks", "now", "told"),
    [
        ([], 10.2, "unknown"),
        ([(9.0, 7)], 10.2, None),
        ([(9.0, 7)], 13.3, "unknown"),
        ([(9.0, 7), (10.5, 7)], 10.6, "7"),
        ([(9.0, 7), (10.05, 7), (10.5, 7)], 10.6, "7"),
        ([(9.0, 7), (10.05, 7)], 10.2, None),  # it was asked before the answer came
        ([(9.0, 7), (10.5, 8)], 10.6, "unknown"),
        ([(9.0, 7), (10.05, 8), (10.5, 7)], 10.6, "unknown"),
        ([(8.0, 6), (9.0, 7), (10.5, 7), (11.5, 8)], 11.6, "7"),
        ([(9.0, None), (10.5, None)], 10.6, "unknown"),
        ([(9.0, 7), (10.5, None)], 10.6, "unknown"),
        ([(6.9, 7), (10.5, 7)], 10.6, "unknown"),  # too long before
        ([(9.0, 7), (13.2, 7)], 13.3, "unknown"),  # too long after
        ([(10.5, 7)], 10.6, "unknown"),
    ],
)
def test_a_request_from_10_0_to_10_1(asks: list[tuple[float, int | None]], now: float, told: str | None) -> None:
    versions = CertainVersion()
    for asked_at, version in asks:
        versions.heard(StatusAsk("m", asked_at, asked_at + 0.01, version))
    assert versions.of("m", 10.0, 10.1, now) == told


def test_an_ask_whose_answer_came_during_the_request_is_none_before_it() -> None:
    versions = CertainVersion()
    versions.heard(StatusAsk("m", 9.9, 10.05, 7))
    versions.heard(StatusAsk("m", 10.5, 10.51, 7))
    assert versions.of("m", 10.0, 10.1, 10.6) == "unknown"


def test_another_model_is_not_known() -> None:
    assert CertainVersion().of("other", 10.0, 10.1, 10.2) == "unknown"
