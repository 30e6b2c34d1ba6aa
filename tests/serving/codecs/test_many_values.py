"""One odd value among thousands: it is found, named, and answered as it would be among few."""

import json
from typing import Any

import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE as CUSTOMER
from tests.serving.live import ServerProcess, ask, error_of

MANY = 3000
ELEMENT = "Failed to process element: {at} key: Age of 'instances' list. Error: INVALID_ARGUMENT: "
NOT_FLOAT = "Type: String is not of expected type: float"


def predict(server: ServerProcess, body: object, model: str = "customer-example") -> tuple[int, bytes]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(server.url, "POST", f"/v1/models/{model}:predict", text)[:2]


@pytest.mark.parametrize("at", [0, 1, 63, 64, 65, 192, 193, 1000, MANY - 1])
@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({**CUSTOMER, "Age": "x"}, ELEMENT + 'JSON Value: "x" ' + NOT_FLOAT),
        (
            {**CUSTOMER, "Age": None},
            ELEMENT + "JSON Value: null Type: Null is not of expected type: float",
        ),
        ({**CUSTOMER, "ID": 1}, ELEMENT.replace("Age", "ID") + "JSON object: does not have named input: ID"),
    ],
)
def test_the_wrong_row_is_named(at: int, row: dict[str, Any], error: str, golden_server: ServerProcess) -> None:
    rows = [CUSTOMER] * at + [row] + [CUSTOMER] * (MANY - at - 1)
    status, answer = predict(golden_server, {"instances": rows})
    assert (status, error_of(answer)) == (400, error.format(at=at))


@pytest.mark.parametrize("at", [1, 64, 65, 1000, MANY - 1])
@pytest.mark.parametrize(
    ("row", "error"),
    [
        ([CUSTOMER], "Expecting object but got list at item {at} of input list"),
        ({**CUSTOMER, "Age": [1]}, ELEMENT + "Expecting shape [] but got: [1]"),
        ({**CUSTOMER, "Age": [1, 2]}, ELEMENT + "Expecting tensor size: 1 but got: 2"),
    ],
)
def test_a_row_unlike_the_first_one_is_named(at: int, row: Any, error: str, golden_server: ServerProcess) -> None:
    rows = [CUSTOMER] * at + [row] + [CUSTOMER] * (MANY - at - 1)
    status, answer = predict(golden_server, {"instances": rows})
    assert (status, error_of(answer)) == (400, error.format(at=at))


def test_rows_with_keys_in_any_order_are_taken_beside_one_that_repeats_a_key(golden_server: ServerProcess) -> None:
    other = {**dict(reversed(CUSTOMER.items())), "Age": 60, "Profession": "Artist"}
    _, one = predict(golden_server, {"instances": [CUSTOMER, other]})
    want = json.loads(one)["predictions"]
    assert want[0] != want[1]
    rows = json.dumps([CUSTOMER, other] * (MANY // 2))
    repeated = json.dumps(other).replace('{"Fam', '{"Family_Size": 4, "Fam', 1)
    status, answer = predict(golden_server, f'{{"instances": {rows[:-1]}, {repeated}]}}'.encode())
    assert status == 200
    predictions = [prediction["probability"] for prediction in json.loads(answer)["predictions"]]
    probabilities = [prediction["probability"] for prediction in want]
    assert predictions == pytest.approx(probabilities * (MANY // 2) + probabilities[1:], rel=1e-5)


@pytest.mark.parametrize("at", [1, 1023, 1024, 2048, MANY - 1])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (["x"], 'JSON Value: "x" ' + NOT_FLOAT),
        ([1, 2], "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        (1, "JSON Value: 1 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ([[1]], "Encountered list at unexpected level: 2 expected < 2"),
        ([True], "JSON Value: true Type: True is not of expected type: float"),
        ([{"b64": "YQ=="}], 'JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not of expected type: float'),
    ],
)
def test_the_wrong_value_of_a_column_is_named(at: int, value: Any, error: str, golden_server: ServerProcess) -> None:
    columns = {name: [[given]] * MANY for name, given in CUSTOMER.items()}
    columns["Age"] = [[1]] * at + [value] + [[1]] * (MANY - at - 1)
    status, answer = predict(golden_server, {"inputs": columns}, "customer-model")
    assert (status, error_of(answer)) == (400, error)


@pytest.mark.parametrize("encoded", ["?", "YQ=", "YWJj====", "é", "=", "YQ==YQ=="])
def test_the_wrong_base64_among_many_is_named(encoded: str, golden_server: ServerProcess) -> None:
    good = [{**CUSTOMER, "Gender": {"b64": text}} for text in ("TWFsZQ==", "TWFsZQ", "TW Fs\nZQ==", "TWFsZQ..")]
    bad = {**CUSTOMER, "Gender": {"b64": encoded}}
    _, one = predict(golden_server, {"instances": [CUSTOMER]})
    status, answer = predict(golden_server, {"instances": good * 500})
    assert (status, json.loads(answer)["predictions"]) == (200, json.loads(one)["predictions"] * 2000)
    status, answer = predict(golden_server, {"instances": [*good * 500, bad]})
    assert (status, error_of(answer)) == (
        400,
        "Failed to process element: 2000 key: Gender of 'instances' list. Error: INVALID_ARGUMENT: "
        "Unable to base64 decode",
    )
