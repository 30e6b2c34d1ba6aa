"""Somebody outside the stack who hears of its runs: a container that prints what is posted to it."""

from __future__ import annotations

from tests.stack.docker.containers import IMAGE, Containers

NEWS = {"type": "http", "host": "http://news:8000/runs", "password": "token-of-the-listener"}
"""Of the Airflow Connection `news`."""
PROGRAM = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.headers["Authorization"], self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.end_headers()

HTTPServer(("0.0.0.0", 8000), Listener).serve_forever()
"""


class Listener:
    """At http://news:8000/ for one service of the stack, on a network of these two."""

    def __init__(self, stack: Containers, service: str) -> None:
        self.stack, self.name = stack, f"{stack.project}-news"
        self.service = str(stack.container(service)["Id"])

    def __enter__(self) -> Listener:
        self.stack.run("docker", "network", "create", "--internal", self.name)
        self.stack.run("docker", "network", "connect", self.name, self.service)
        options = ("--detach", "--name", self.name, "--network", self.name, "--network-alias", "news")
        self.stack.run("docker", "run", *options, IMAGE, "python", "-c", PROGRAM)
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.run("docker", "rm", "--force", "--volumes", self.name, check=False)
        self.stack.run("docker", "network", "disconnect", "--force", self.name, self.service, check=False)
        self.stack.run("docker", "network", "rm", self.name, check=False)

    def heard(self) -> list[str]:
        """A line for each POST: its Authorization header and its body."""
        return self.stack.run("docker", "logs", self.name).splitlines()
