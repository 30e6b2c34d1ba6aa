"""An S3 for tests: moto's server in a process of its own, over real HTTP on loopback, with its objects in memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

START_SECONDS = 60.0
SECRET = "of-nobody-but-the-tests"
KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
"""Credentials for its clients, as environment variables."""


class S3:
    """A running server with the one bucket `customers`."""

    def __init__(self, port: int) -> None:
        import boto3

        self.url = f"http://127.0.0.1:{port}"
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=SECRET,
        )
        self._client.create_bucket(Bucket="customers")

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a pipeline that reaches it."""
        return (f"--s3_endpoint_url={self.url}",)

    def put(self, name: str, content: bytes) -> None:
        self._client.put_object(Bucket="customers", Key=name, Body=content)

    def names(self) -> list[str]:
        """The names of all objects."""
        return [found["Key"] for found in self._client.list_objects_v2(Bucket="customers").get("Contents", [])]

    def empty(self) -> None:
        for name in self.names():
            self._client.delete_object(Bucket="customers", Key=name)


@contextmanager
def running_s3() -> Iterator[S3]:
    """Start the server, and end it with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | KEYS)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "moto's server has ended"
                assert time.monotonic() < deadline, "moto's server does not answer"
                time.sleep(0.05)
        yield S3(port)
    finally:
        process.terminate()
        process.wait(10)
