"""Reasons of a real model behind a real server, as the columns of a list."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer
from serving.expectation.known_inputs import KnownInput
from serving.reasons.background import Background, BackgroundError
from serving.reasons.columns import predict_by_rows
from serving.reasons.explain import explain
from serving.reasons.reason_columns import COLUMNS, reason_texts
from serving.server import embedded
from tests.serving.live import GOLDEN

NUMBERS = ("Age", "Work_Experience", "Family_Size")
OTHER = {"Gender": "Female", "Ever_Married": "Yes", "Age": 63.0, "Graduated": "Yes", "Profession": "Artist"}
OTHER |= {"Work_Experience": None, "Spending_Score": "Average", "Family_Size": 2.0}
CUSTOMERS: list[Mapping[str, object]] = [
    EXAMPLE_INSTANCE,
    {**EXAMPLE_INSTANCE, "Age": float("nan"), "Profession": ""},
    {**EXAMPLE_INSTANCE, "Profession": "Chief Wizard", "Spending_Score": "High"},
]


@pytest.fixture(scope="module")
def server(tensorflow_here: None) -> Iterator[ModelServer]:
    with embedded.embedded_server(GOLDEN / "models" / "customer-example") as url:
        server = ModelServer(url)
        server.wait_available(1, deadline=60)
        yield server


def ask(server: ModelServer, rows: Sequence[Mapping[str, object]]) -> list[float]:
    return [float(answer["probability"]) for answer in server.predict(rows)]


def stored(server: ModelServer) -> Background:
    second = {**OTHER, "Gender": "Male", "Profession": "Engineer", "Age": 41.0, "Work_Experience": 1.0}
    asked = [{**row, "Work_Experience": row["Work_Experience"] or float("nan")} for row in (OTHER, second)]
    return Background(
        (OTHER, second), NUMBERS, (0.25, 0.75), tuple(ask(server, asked)), BackgroundError(500, 24, 0.001, 0.01, 1.0)
    )


def test_the_values_of_a_served_model_add_up(server: ModelServer) -> None:
    background = stored(server)
    found = explain(CUSTOMERS, background, predict_by_rows(lambda rows: ask(server, rows), rows_per_request=100))
    assert found.prediction == pytest.approx(ask(server, CUSTOMERS), abs=1e-6)
    assert found.base == pytest.approx(background.mean, abs=1e-6)
    assert np.abs(found.values.sum(axis=1) - (found.prediction - background.mean)).max() < 1e-6
    assert found.asked < found.mixed


def test_a_list_gets_two_columns_in_words_and_a_log_gets_nothing(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = {
        "Profession": KnownInput(["Artist", "Healthcare"], [5, 5], [], None, None, True, None, 100),
        "Age": KnownInput(None, [30, 30, 30], [18.0, 30.0, 50.0, 90.0], 0.0, 120.0, True, None, 100),
        "Spending_Score": KnownInput(["Average", "High", "Low"], [5, 5, 5], [], None, None, False, None, 100),
    }
    with caplog.at_level(logging.DEBUG, logger="serving.reasons"):
        background, predict = stored(server), predict_by_rows(lambda rows: ask(server, rows))
        found = reason_texts(CUSTOMERS, background, inputs, predict)
    assert found[0]._fields == COLUMNS
    said = [", ".join(cells) for cells in found]
    assert "low spending" in found[0].reasons_for
    assert "young (22)" in said[0]
    assert "healthcare" in said[0]
    assert "no profession given" in said[1]
    assert "Wizard" not in "".join(said)
    assert all(1 <= len(cell.split(", ")) <= 3 for cell in found[0] if cell)
    assert reason_texts([], background, inputs, predict) == []
    # The rows of a list may come in parts.
    assert [reason_texts([customer], background, inputs, predict)[0] for customer in CUSTOMERS] == found
    assert [record for record in caplog.records if record.name.startswith("serving.reasons")] == []
