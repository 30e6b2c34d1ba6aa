"""A PostgreSQL server of its own, for the tests that need the real one; Debian's package has the programs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BINARIES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/no/postgresql"))
needs_postgresql = pytest.mark.skipif(
    not (BINARIES / "initdb").exists() and "CI" not in os.environ, reason="no PostgreSQL: apt-get install postgresql"
)


@contextmanager
def postgresql_server() -> Iterator[Path]:
    """The directory of the server's socket; its user is `airflow`. Not below pytest's, which is for one user only."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        directory = Path(name)
        whom: list[str] = []
        if os.getuid() == 0:  # which PostgreSQL refuses
            whom = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            os.chown(directory, 65534, 65534)
        data = directory / "data"
        initdb = [*whom, str(BINARIES / "initdb"), "--no-sync", "--auth=trust", "--username=airflow"]
        subprocess.run([*initdb, f"--pgdata={data}"], check=True, stdout=subprocess.DEVNULL, cwd=directory, timeout=120)
        control = [*whom, str(BINARIES / "pg_ctl"), "--wait", "--silent", f"--pgdata={data}"]
        control.append(f"--log={directory / 'log'}")
        options = f"--options=-c listen_addresses= -c fsync=off -k {directory}"
        subprocess.run([*control, options, "start"], check=True, cwd=directory, timeout=120)
        try:
            yield directory
        finally:
            subprocess.run([*control, "--mode=immediate", "stop"], check=True, cwd=directory, timeout=60)
