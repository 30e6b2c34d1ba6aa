"""Reasons for the scores of customers, by asking the version that scored them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from serving.client.model_client import ModelServer
from serving.expectation.known_inputs import KnownInput
from serving.reasons.background import Background
from serving.reasons.columns import predict_by_rows
from serving.reasons.reason_columns import reason_texts
from serving.reasons.version_background import find_background
from serving.score import requests
from serving.tables.customers import Instance
from serving.tables.file_errors import FileError

MOST_EXPLAINED = 10_000
"""So many customers of a list get reasons; some 200 to 300 are explained in a second."""


class Explainer:
    """Gives customers their reasons by asking the version that scored them.

    Args:
        server: The model server.
        version: The version.
        background: That of the version.
        inputs: What the version knows of its inputs.
    """

    def __init__(
        self, server: ModelServer, version: int, background: Background, inputs: Mapping[str, KnownInput]
    ) -> None:
        self._background, self._inputs = background, inputs
        self._predict = predict_by_rows(lambda rows: requests.probabilities(server, version, rows))

    @classmethod
    def of(
        cls,
        server: ModelServer,
        version: int,
        given: Path | None,
        inputs: Mapping[str, KnownInput],
    ) -> Explainer:
        """The one of a version; `given` as `find_background` takes it.

        Raises:
            NoBackgroundError: There are no reasons for this version.
        """

        def predict(instances: Sequence[Instance]) -> list[float] | None:
            return requests.score_known_rows(server, version, instances)

        return cls(server, version, find_background(version, given, predict), inputs)

    @staticmethod
    def check_size(customers: int) -> None:
        """Makes sure that a list is not too long.

        Raises:
            FileError: It is.
        """
        if customers > MOST_EXPLAINED:
            raise FileError(
                f"Reasons are given for {MOST_EXPLAINED:,} customers at most, and these are {customers:,}.",
                f"Ask for the best {MOST_EXPLAINED:,} or fewer, or for no reasons.",
            )

    def cells(self, instances: Sequence[Instance]) -> list[tuple[str, str]]:
        """The two cells of each customer.

        Raises:
            VersionGoneError: The version is no longer served.
            ServingError: The server does not answer, or not with scores.
        """
        return [(*texts,) for texts in reason_texts(instances, self._background, self._inputs, self._predict)]
