"""The SavedModel behind BentoML, with its adaptive batching; benchmarks/serving.py runs it with `bentoml serve`."""

import os
from typing import Any

import bentoml

from benchmarks.rivals.saved_model import Customers


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Service:
    """A service with one API; BentoML batches the rows of waiting requests."""

    def __init__(self) -> None:
        self._customers = Customers(os.environ["SAVED_MODEL"])

    @bentoml.api(route="/v1/models/customers:predict", batchable=True, max_batch_size=1024)  # type: ignore[untyped-decorator]
    def predict(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns one row of outputs for each row of inputs."""
        return self._customers.predict(instances)
