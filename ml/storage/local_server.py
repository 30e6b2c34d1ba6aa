"""The model server of `make up`, found in the file that it leaves in the root, while it lives.

`up.json` is read as data, since nothing here imports the local stack: `processes`, each with `name`, `pid` and
`started` (clock ticks since boot), and `serving_port`, on loopback.
"""

from __future__ import annotations

import json

from ml.storage.process_table import is_running
from ml.storage.root import Root

NAME = "model-server"


def local_server_url(root: Root) -> str:
    """Return the base URL of the model server that `make up` started on this root; "" when none is running."""
    try:
        record = json.loads((root.path / "up.json").read_bytes())
        servers = [process for process in record["processes"] if process["name"] == NAME]
        port = int(record["serving_port"])
        is_up = any(is_running(int(server["pid"]), int(server["started"])) for server in servers)
    except (OSError, ValueError, LookupError, TypeError):  # nothing is up, or another program wrote the file
        return ""
    return f"http://127.0.0.1:{port}" if is_up else ""
