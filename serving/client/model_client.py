"""A client of a model server, TensorFlow Serving or ours.

It needs the standard library only, so that processes that must not load TensorFlow may import it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from serving.client.transport import Address, Response, TooLateError, TransportError, json_headers, send
from serving.client.version_status import VersionStatus

_RETRY_SECONDS = 0.1
_CURE_UNREACHABLE = "Start the model server (make serve), or correct the URL."


class ServingError(Exception):
    """The model server did not do what it was asked to do."""


class Unreachable(ServingError):  # noqa: N818 - these names say what happened
    """Nothing answered: refused, reset, unresolved or timed out. A retry can help."""


class TooSlow(Unreachable):
    """The server, or the way to it, took longer than it was given."""


class Refused(ServingError):  # noqa: N818
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        said: The server's own error text.
    """

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class VersionFailed(ServingError):  # noqa: N818
    """The server failed to load the version and will not try again.

    Attributes:
        status: What the server says about the version.
    """

    def __init__(self, message: str, *, status: VersionStatus) -> None:
        super().__init__(message)
        self.status = status


class DeadlineExceeded(ServingError):  # noqa: N818
    """The version was not available in time."""


class ModelServer:
    """One model behind one server. Threads may share it.

    Args:
        url: Http://HOST:PORT, or https.
        model: The model's name.
        timeout: The time for one request, connecting included, in seconds.
        token: Sent as a bearer token, for a server behind a proxy that asks for one.

    Raises:
        ValueError: The URL is not one of HTTP.
    """

    def __init__(
        self, url: str, model: str = "customer-model", *, timeout: float = 5.0, token: str | None = None
    ) -> None:
        self._address = Address.of(url)
        self.url = url.rstrip("/")
        self.model = model
        self._timeout = timeout
        self._token = token
        self._path = f"/v1/models/{quote(model, safe='')}"

    @property
    def model_url(self) -> str:
        """The URL of the model; `:predict` and `/metadata` are appended to it."""
        return self.url + self._path

    def is_live(self) -> bool:
        """Whether something speaks HTTP at the URL, whatever it answers."""
        try:
            self._send("GET", "", None)
        except Unreachable:
            return False
        return True

    def versions(self) -> list[VersionStatus]:
        """All versions that the server knows, in its order; empty when it knows the model but no version of it.

        Raises:
            Refused: The server does not know the model.
            Unreachable: Nothing answers.
        """
        return VersionStatus.all_of(self._get(""))

    def status(self, version: int) -> VersionStatus | None:
        """What the server says about one version, or None when it does not know the version."""
        try:
            found = VersionStatus.all_of(self._get(f"/versions/{version}"))
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise
        return found[0] if found else None

    def metadata(self, version: int | None = None) -> dict[str, Any]:
        """The signatures of a version (the latest available one by default), as they are in the server's JSON."""
        at = "" if version is None else f"/versions/{version}"
        answer = self._get(f"{at}/metadata")
        return answer if isinstance(answer, dict) else {}

    def predict(self, instances: Sequence[Mapping[str, object]], *, version: int | None = None) -> list[Any]:
        """One prediction for each instance, in order, from one request.

        Args:
            instances: Rows, input name to value. A missing number is NaN, a missing text is "": JSON null is an error
                in TensorFlow Serving.
            version: The version that must answer; the latest available one by default.

        Raises:
            Refused: The server cannot score these rows, or does not serve that version.
            Unreachable: Nothing answers.
        """
        answer = self._json("POST", *_predict_request(instances, version))
        predictions = answer.get("predictions") if isinstance(answer, dict) else None
        if not isinstance(predictions, list):
            raise Refused(
                f"{self.url} answered a prediction without 'predictions'. Is it a model server?",
                status=200,
                said=json.dumps(answer)[:200],
            )
        return predictions

    def predict_text(self, instances: Sequence[Mapping[str, object]], *, version: int | None = None) -> str:
        """The body of the answer to the same request as `predict` sends, as the server wrote it.

        Raises:
            Refused: The server cannot score these rows, or does not serve that version.
            Unreachable: Nothing answers.
        """
        return self._accepted("POST", *_predict_request(instances, version)).text

    def wait_available(self, version: int, *, deadline: float) -> VersionStatus:
        """Polls until a version is AVAILABLE.

        Args:
            version: The version to wait for.
            deadline: How long to wait, in seconds. A server that does not answer yet is waited for too.

        Raises:
            VersionFailed: The server could not load the version; waiting longer cannot help.
            DeadlineExceeded: The version is not available in time; the message has the last answer of the server.
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
        return self._json("GET", path, None)

    def _json(self, method: str, path: str, body: bytes | None) -> Any:
        response = self._accepted(method, path, body)
        answer = response.json()
        if answer is None:
            raise Refused(
                f"{self.model_url}{path} is not a model server: it answers {response.text[:60]!r}. Correct the URL.",
                status=response.status,
                said="",
            )
        return answer

    def _accepted(self, method: str, path: str, body: bytes | None) -> Response:
        response = self._send(method, path, body)
        if response.status != 200:
            answer = response.json()
            told = answer.get("error") if isinstance(answer, dict) else None
            said = str(told) if told is not None else response.text[:200]
            raise Refused(
                f"{method} {self.model_url}{path} was refused with {response.status}: {said}. {_cure(response.status)}",
                status=response.status,
                said=said,
            )
        return response

    def _send(self, method: str, path: str, body: bytes | None) -> Response:
        headers = json_headers(body, self._token)
        try:
            return send(self._address, method, self._path + path, body, headers=headers, timeout=self._timeout)
        except TransportError as error:
            kind = TooSlow if isinstance(error, TooLateError) else Unreachable
            raise kind(f"{self.model_url}{path} does not answer ({error}). {_CURE_UNREACHABLE}") from error


def _predict_request(instances: Sequence[Mapping[str, object]], version: int | None) -> tuple[str, bytes]:
    """Path and body of one request."""
    at = "" if version is None else f"/versions/{version}"
    # ensure_ascii=False halves the size of texts that are not English; NaN goes out as the bare word NaN.
    return f"{at}:predict", json.dumps({"instances": list(instances)}, ensure_ascii=False, allow_nan=True).encode()


def _cure(status: int) -> str:
    if status == 404:
        return "Check the model's name and version, and that the server watches the right directory."
    if status == 400:
        return "Correct the request; the server's text says what the model expects."
    if status in (401, 403):
        return "Give the token of the server (SERVING_TOKEN)."
    if status == 413:
        return "Send fewer rows in one request."
    if status in (503, 504):
        return "The server is overloaded. Try again later, or with fewer rows in one request."
    return "The server's own log says more."
