"""Talks to a model server: TensorFlow Serving or ours.

Standard library only, so that processes which must not load TensorFlow may import it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from serving.client.transport import Address, NoAnswerError, exchange

_RETRY_SECONDS = 0.1
_CURE_UNREACHABLE = "Start the model server (make serve), or correct the URL."


@dataclass(frozen=True)
class VersionStatus:
    """What the server says about one version.

    Attributes:
        version: the version's number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        error_code: "OK", or the name of a status code such as "NOT_FOUND".
        error_message: empty while the code is "OK".
    """

    version: int
    state: str
    error_code: str
    error_message: str


class ServingError(Exception):
    """The model server did not do what it was asked."""


class Unreachable(ServingError):  # noqa: N818 - these names read as what happened
    """Nothing answered: refused, reset, unresolved or timed out. A retry can help."""


class Refused(ServingError):  # noqa: N818
    """The server answered with an error.

    Attributes:
        status: the HTTP status.
        said: the server's own error text.
    """

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class VersionFailed(ServingError):  # noqa: N818
    """The server tried to load the version and gave up.

    Attributes:
        status: what the server says about the version.
    """

    def __init__(self, message: str, *, status: VersionStatus) -> None:
        super().__init__(message)
        self.status = status


class DeadlineExceeded(ServingError):  # noqa: N818
    """The version was not available in time."""


class ModelServer:
    """One model behind one server. Threads may share it.

    Args:
        url: http://HOST:PORT, or https.
        model: the model's name.
        timeout: how long one question may take, connection and all, in seconds.
        token: sent as a bearer token, for a server behind a door that asks for one.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self, url: str, model: str = "customer-model", *, timeout: float = 5.0, token: str | None = None
    ) -> None:
        self._address = Address.of(url)
        self.url = url.rstrip("/")
        self.model = model
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def versions(self) -> list[VersionStatus]:
        """All versions the server knows, in its order; empty when it knows the model but no version of it.

        Raises:
            Refused: the server does not know the model.
            Unreachable: nothing answers.
        """
        return _statuses(self._get(""))

    def status(self, version: int) -> VersionStatus | None:
        """What the server says about one version, or None when it has never heard of it."""
        try:
            found = _statuses(self._get(f"/versions/{version}"))
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise
        return found[0] if found else None

    def metadata(self, version: int | None = None) -> dict[str, Any]:
        """The signatures of a version (the latest available one by default), as the server's JSON has them."""
        at = "" if version is None else f"/versions/{version}"
        answer = self._get(f"{at}/metadata")
        return answer if isinstance(answer, dict) else {}

    def predict(self, instances: Sequence[Mapping[str, object]], *, version: int | None = None) -> list[Any]:
        """One prediction for each instance, in order, from one request.

        Args:
            instances: rows, input name to value; a missing number is NaN, a missing text is "". JSON null is an
                error in TensorFlow Serving.
            version: the version that must answer; the latest available one by default.

        Raises:
            Refused: the server cannot score these rows, or does not serve that version.
            Unreachable: nothing answers.
        """
        at = "" if version is None else f"/versions/{version}"
        # ensure_ascii=False halves the size of texts that are not English; NaN goes out as the bare word NaN.
        body = json.dumps({"instances": list(instances)}, ensure_ascii=False, allow_nan=True).encode()
        answer = self._ask("POST", f"{at}:predict", body)
        predictions = answer.get("predictions") if isinstance(answer, dict) else None
        if not isinstance(predictions, list):
            raise Refused(
                f"{self.url} answered a prediction without 'predictions'. Is it a model server?",
                status=200,
                said=json.dumps(answer)[:200],
            )
        return predictions

    def wait_available(self, version: int, *, deadline: float) -> VersionStatus:
        """Polls until the version is AVAILABLE.

        Args:
            version: the version to wait for.
            deadline: how long to wait, in seconds. A server that does not answer yet is waited for too.

        Raises:
            VersionFailed: the server gave the version up with an error; waiting longer cannot help.
            DeadlineExceeded: time is up; the message has the last thing the server said.
        """
        end = time.monotonic() + deadline
        last = "it was not asked"
        while True:
            try:
                status = self.status(version)
            except (Unreachable, Refused) as error:
                last = str(error)
            else:
                if status is None:
                    last = f"it does not know version {version}"
                elif status.state == "AVAILABLE":
                    return status
                elif status.state == "END" and status.error_code != "OK":
                    raise VersionFailed(
                        f"{self.url} could not load version {version} of {self.model}: {status.error_code}: "
                        f"{status.error_message}. Publish a version that loads under a higher number.",
                        status=status,
                    )
                else:
                    last = f"version {version} is {status.state}"
            left = end - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(
                    f"{self.url} did not have version {version} of {self.model} AVAILABLE within {deadline:g} s; "
                    f"last it said: {last}. Check that it watches the directory the version was published to."
                )
            time.sleep(min(_RETRY_SECONDS, left))

    def _get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        path = f"/v1/models/{quote(self.model, safe='')}{path}"
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            status, payload = exchange(self._address, method, path, body, headers=headers, seconds=self._timeout)
        except NoAnswerError as error:
            raise Unreachable(f"{self.url}{path} does not answer ({error}). {_CURE_UNREACHABLE}") from error
        answer = _parsed(payload)
        if status == 200:
            if answer is None:
                begins = payload[:60].decode("utf-8", "replace")
                raise Refused(
                    f"{self.url}{path} is no model server: it answers {begins!r}. Correct the URL.",
                    status=status,
                    said="",
                )
            return answer
        told = answer.get("error") if isinstance(answer, dict) else None
        said = str(told) if told is not None else payload[:200].decode("utf-8", "replace")
        raise Refused(
            f"{method} {self.url}{path} was refused with {status}: {said}. {_cure(status)}", status=status, said=said
        )


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return None


def _statuses(answer: Any) -> list[VersionStatus]:
    listed = answer.get("model_version_status", []) if isinstance(answer, dict) else []
    return [
        VersionStatus(
            version=int(entry["version"]),
            state=str(entry["state"]),
            error_code=str(entry.get("status", {}).get("error_code", "OK")),
            error_message=str(entry.get("status", {}).get("error_message", "")),
        )
        for entry in listed
    ]


def _cure(status: int) -> str:
    if status == 404:
        return "Check the model's name and version, and that the server watches the right directory."
    if status == 400:
        return "Correct the request: the text above says what the model expects."
    if status in (401, 403):
        return "Give the token of the endpoint, if you have one (SERVING_TOKEN)."
    if status == 413:
        return "Send fewer rows in one request."
    if status in (503, 504):
        return "The server is overloaded: try again later, or with fewer rows in one request."
    return "The server's own log says more."
