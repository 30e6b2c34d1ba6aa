"""The Railway image: who gets in, and what is staged. nginx and the guard are the real ones."""

import http.client
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer, Refused
from serving.railway.stage import stage
from tests.serving.live import STARTED_WITHIN, ask, error_of, eventually
from tests.serving.railway.entry_script import ENTRY_SCRIPT, environment_for, with_nginx, write_program
from tests.serving.railway.test_stage import champion
from tests.serving.tensorflow_serving.image import free_port, write_config, write_stand_in

MODEL = "customer-model"
TOKEN = "Secret-Token_0123456789"
PREDICT = f"/v1/models/{MODEL}:predict"


class Deployment:
    """The entry script with the real nginx and the real guard, and our model server as TensorFlow Serving."""

    def __init__(self, directory: Path, guard: Path, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        if not (directory / "bin").exists():
            write_stand_in(directory / "bin")
        shutil.copy(guard, directory / "bin")
        write_config(directory)
        inner = {"SERVING_INNER_PORT": str(free_port()), "SERVING_GUARD_PORT": str(free_port())}
        variables |= {"PORT": str(self.port), **inner}
        with (directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [ENTRY_SCRIPT],
                env=environment_for(directory, **variables),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def status(self) -> int:
        try:
            return ask(self.url, "GET", f"/v1/models/{MODEL}")[0]
        except (OSError, http.client.HTTPException):
            return 0

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, guard: Path) -> Iterator[Deployment]:
    """With a token, and a version staged as `make railway-image` does it."""
    directory = tmp_path_factory.mktemp("railway")
    stage(champion(), directory / "models")
    deployment = Deployment(directory, guard, SERVING_TOKEN=TOKEN)
    try:
        eventually(lambda: deployment.status() == 200, within=STARTED_WITHIN)
        eventually(lambda: _predict(deployment)[0] != 404, within=STARTED_WITHIN)
        yield deployment
    finally:
        deployment.end()


def _predict(
    deployment: Deployment, authorization: str | None = f"Bearer {TOKEN}"
) -> tuple[int, bytes, dict[str, str]]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
    return ask(deployment.url, "POST", PREDICT, _BODY, headers)


_BODY = json.dumps({"instances": [{name: [value] for name, value in EXAMPLE_INSTANCE.items()}]}).encode()


@with_nginx
def test_a_request_with_the_token_is_answered_by_the_staged_version(closed: Deployment) -> None:
    status, body, _ = _predict(closed)
    assert (status, list(json.loads(body))) == (200, ["predictions"])
    with_token, without = ModelServer(closed.url, token=TOKEN), ModelServer(closed.url)
    assert list(with_token.metadata(7)) == ["model_spec", "metadata"]
    assert [status.version for status in without.versions()] == [7]
    with pytest.raises(Refused, match=r"refused with 401: A token is needed.* \(SERVING_TOKEN\)"):
        without.metadata(7)


@with_nginx
@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_may_be_written_in_any_case(closed: Deployment, scheme: str) -> None:
    assert _predict(closed, f"{scheme} {TOKEN}")[0] == 200


@with_nginx
@pytest.mark.parametrize("names", [("Authorization", "authorization"), ("X-Long",)])
def test_what_nginx_itself_refuses_is_json_too(closed: Deployment, names: tuple[str, ...]) -> None:
    value = f"Bearer {TOKEN}" if len(names) == 2 else "x" * 20_000
    status, body, headers = ask(closed.url, "POST", PREDICT, _BODY, dict.fromkeys(names, value))
    assert (status, headers["content-type"]) == (400, "application/json")
    assert error_of(body).startswith("The request's headers are malformed")


@with_nginx
@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN.lower()}", f"Basic {TOKEN}", f"Bearer {TOKEN} {TOKEN}"],
)
def test_a_request_without_the_token_is_401(closed: Deployment, authorization: str | None) -> None:
    status, body, headers = _predict(closed, authorization)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert error_of(body) == "A token is needed: Authorization: Bearer TOKEN."
    assert headers["content-type"] == "application/json"


@with_nginx
def test_no_other_path_is_open(closed: Deployment) -> None:
    assert ask(closed.url, "POST", f"/v1/models/{MODEL}", b"{}")[0] == 405
    assert ask(closed.url, "GET", f"/v1/models/{MODEL}/metadata")[0] == 401
    assert ask(closed.url, "GET", "/monitoring/prometheus/metrics")[0] == 404
    assert ask(closed.url, "GET", "/v1/../monitoring/prometheus/metrics")[0] == 404
    assert ask(closed.url, "GET", f"/v1/models/{MODEL}%3Apredict")[0] == 401


@with_nginx
def test_a_body_that_is_too_large_is_refused_without_being_read(closed: Deployment) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", closed.port, timeout=30)
    connection.putrequest("POST", PREDICT)
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.putheader("Content-Length", str(200 << 20))
    connection.endheaders()  # and not a byte of the body
    response = connection.getresponse()
    assert (response.status, error_of(response.read())[:35]) == (413, "The request is larger than 32 MiB. ")
    connection.close()


@with_nginx
def test_it_is_public_without_a_token_not_ready_without_a_version_and_stops_when_told(
    tmp_path: Path, guard: Path
) -> None:
    write_program(tmp_path / "bin/tensorflow_model_server", "exec sleep 60")  # before the first version no port is open
    deployment = Deployment(tmp_path, guard)
    try:
        eventually(lambda: deployment.status() == 503)
        status, body, headers = _predict(deployment, None)
        assert (status, headers["retry-after"]) == (503, "5")
        assert error_of(body).startswith("No version is served yet")
        assert "the endpoint is public. Set SERVING_TOKEN" in (tmp_path / "log").read_text()
        deployment.process.send_signal(signal.SIGTERM)
        assert deployment.process.wait(20) == 0
        assert deployment.status() == 0
    finally:
        deployment.end()
