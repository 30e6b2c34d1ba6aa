"""Version policies and labels from a model config file, and questions beyond the recorded ones."""

import json

import pytest

from serving.client.model_client import ModelServer, Refused
from tests.serving.live import ServerProcess, ask, error_of

ROW = {
    "Gender": ["Male"],
    "Ever_Married": ["No"],
    "Age": [22.0],
    "Graduated": ["No"],
    "Profession": ["Artist"],
    "Work_Experience": [1.0],
    "Spending_Score": ["Low"],
    "Family_Size": [4.0],
}
BODY = json.dumps({"instances": [ROW]}).encode()


def _versions(server: ServerProcess, model: str) -> list[tuple[int, str]]:
    return [(status.version, status.state) for status in ModelServer(server.url, model).versions()]


def test_policy_all_serves_every_version_the_highest_first(golden_server: ServerProcess) -> None:
    assert _versions(golden_server, "every") == [(2, "AVAILABLE"), (1, "AVAILABLE")]


def test_policy_specific_serves_what_it_names_and_what_is_there(golden_server: ServerProcess) -> None:
    assert _versions(golden_server, "specific") == [(1, "AVAILABLE")]


def test_policy_latest_serves_as_many_of_the_highest_as_it_says(golden_server: ServerProcess) -> None:
    assert _versions(golden_server, "two") == [(2, "AVAILABLE"), (1, "AVAILABLE")]


def test_versions_and_labels_answer_with_their_own_weights(golden_server: ServerProcess) -> None:
    def predict(at: str) -> bytes:
        status, body, _ = ask(golden_server.url, "POST", f"/v1/models/two{at}:predict", BODY)
        assert status == 200
        return body

    def probability(at: str) -> float:
        return float(json.loads(predict(at))["predictions"][0]["probability"][0])

    first, second = probability("/versions/1"), probability("/versions/2")
    assert first != second
    assert probability("") == second
    assert (probability("/labels/stable"), probability("/labels/canary")) == (first, second)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("two/labels/nope:predict", 400, "Unrecognized servable version label: nope"),
        ("two/versions/9:predict", 404, "Servable not found for request: Specific(two, 9)"),
        ("nope/labels/stable:predict", 400, "Unrecognized servable version label: stable"),
        ("two/labels/a/b:predict", 400, "Malformed request: POST /v1/models/two/labels/a/b:predict"),
    ],
)
def test_what_is_not_found_is_named(path: str, status: int, error: str, golden_server: ServerProcess) -> None:
    got, body, _ = ask(golden_server.url, "POST", f"/v1/models/{path}", BODY)
    assert (got, error_of(body)) == (status, error)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/v1/models", 400, "Missing model name in request."),
        ("/v1/models/two/versions/9", 404, "Could not find version 9 of model two"),
        ("/v1/models/two/versions/9/metadata", 404, "Servable not found for request: Specific(two, 9)"),
        ("/v1/models/nope/metadata", 404, "Servable not found for request: Latest(nope)"),
        ("/v1/models/two/labels/nope/metadata", 400, "Unrecognized servable version label: nope"),
    ],
)
def test_requests_that_cannot_be_answered_are_refused(
    path: str, status: int, error: str, golden_server: ServerProcess
) -> None:
    got, body, _ = ask(golden_server.url, "GET", path)
    assert (got, error_of(body)) == (status, error)


def test_a_version_beyond_64_bits_is_a_bad_request(golden_server: ServerProcess) -> None:
    status, body, _ = ask(golden_server.url, "GET", "/v1/models/two/versions/99999999999999999999")
    assert (status, error_of(body)) == (400, "Failed to convert version: 99999999999999999999 to numeric.")


def test_the_client_reports_the_servers_error_text(golden_server: ServerProcess) -> None:
    with pytest.raises(Refused, match=r"404: Servable not found .*Check the model's name") as caught:
        ModelServer(golden_server.url, "two").predict([ROW], version=9)
    assert (caught.value.status, caught.value.said) == (404, "Servable not found for request: Specific(two, 9)")
    with pytest.raises(Refused, match="keys must be equal to: Age,"):
        ModelServer(golden_server.url, "two").predict([{}])


def test_the_client_reads_signatures(golden_server: ServerProcess) -> None:
    metadata = ModelServer(golden_server.url, "customer-example").metadata(1)
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert signatures["classify"]["inputs"]["inputs"]["dtype"] == "DT_STRING"


def test_requests_are_counted_by_model_and_status(golden_server: ServerProcess) -> None:
    def count() -> int:
        _, page, _ = ask(golden_server.url, "GET", "/monitoring/prometheus/metrics")
        start = ':tensorflow:serving:request_count{model_name="counted",status="NOT_FOUND"} '
        return sum(int(line.removeprefix(start)) for line in page.decode().splitlines() if line.startswith(start))

    before = count()
    ask(golden_server.url, "POST", "/v1/models/counted:predict", BODY)
    ask(golden_server.url, "GET", "/v1/models/counted")
    assert count() == before + 2


def test_a_flag_without_effect_is_accepted_with_a_warning(golden_server: ServerProcess) -> None:
    assert "WARNING --grpc_max_threads has no effect here" in golden_server.log.read_text()
