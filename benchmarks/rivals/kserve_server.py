"""The SavedModel behind KServe's Python server: `python -m ... DIRECTORY PORT`. Run by benchmarks/serving.py."""

from __future__ import annotations

import sys
from typing import Any

import kserve

from benchmarks.rivals.saved_model import Customers


class Model(kserve.Model):  # type: ignore[misc]
    """A model of KServe: one method takes the parsed request and returns the answer."""

    def __init__(self, path: str) -> None:
        super().__init__("customers")
        self._customers = Customers(path)
        self.ready = True

    def predict(self, payload: dict[str, Any], headers: Any = None, response_headers: Any = None) -> dict[str, Any]:  # noqa: ARG002
        """Returns the answer to a request of the v1 protocol."""
        return {"predictions": self._customers.predict(payload["instances"])}


if __name__ == "__main__":
    kserve.ModelServer(
        http_port=int(sys.argv[2]), enable_grpc=False, workers=1, access_log_format=None, enable_docs_url=False
    ).start([Model(sys.argv[1])])
