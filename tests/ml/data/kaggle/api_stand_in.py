"""A stand-in for the Kaggle API, reached by the real client without touching it.

`KAGGLE_API_ENVIRONMENT=LOCALHOST` sends the client to http://localhost, port 80. The stand-in is the HTTP proxy
for that address, so any free port will do; a redirect to the storage host arrives here as well, as in production.
The name of the data set chooses what happens.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DOWNLOAD = "http://localhost/api/v1/datasets.DatasetApiService/DownloadDataset"
INTROSPECT = "http://localhost/api/v1/security.OAuthService/IntrospectToken"
STORAGE = "http://storage.example.test/"
SIGNATURE = "signed-a1b2c3"
KEY = "top-secret-key-123"
TOKEN = "good-token"
BASIC = base64.b64encode(f"somebody:{KEY}".encode()).decode()
SECRETS = (KEY, TOKEN, BASIC, SIGNATURE)
CSV = b"ID,Gender,Age,Segmentation\n1,Male,22,D\n2,Female,38,A\n3,Female,67,B\n"
MOST_IN_BOMB = 5_000_000


def zipped(**files: bytes) -> bytes:
    """A zip of these files; `__` in a name stands for `.`, `_slash_` for a directory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", ".").replace("_slash_", "/"), content)
    return out.getvalue()


def lying_bomb() -> bytes:
    """A zip that says its file has 60 bytes; it has five million."""
    honest = zipped(Train__csv=CSV + b"4,Male,22,D\n" * (MOST_IN_BOMB // 12))
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        size = archive.infolist()[0].file_size
    return honest.replace(size.to_bytes(4, "little"), (60).to_bytes(4, "little"))


@dataclass
class StandIn:
    """What was asked (`downloads`: body, `paths`: all) and with which Authorization header."""

    url: str = ""
    downloads: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    authorizations: list[tuple[str, str]] = field(default_factory=list)
    introspection: str = "ok"
    stop: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def do_GET(self) -> None:
        self._note()
        if self.path != f"{STORAGE}Train.csv?X-Signature={SIGNATURE}":
            self._send(403, b"<Error>SignatureDoesNotMatch</Error>", "application/xml")
        else:
            self._send(200, CSV, "text/csv")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        self._note()
        if self.path == INTROSPECT:
            self._introspect(body)
        elif self.path == DOWNLOAD:
            self.stand_in.downloads.append(body)
            getattr(self, f"_{body['datasetSlug'].replace('-', '_')}")()
        else:
            self._refuse(501)

    def log_message(self, *arguments: object) -> None:
        pass

    def _note(self) -> None:
        self.stand_in.paths.append(self.path)
        self.stand_in.authorizations.append((self.path, self.headers.get("Authorization", "")))

    def _introspect(self, body: dict[str, str]) -> None:
        if self.stand_in.introspection == "hang":
            self._hang()
        elif self.stand_in.introspection == "invalid":
            self._refuse(403)
        else:
            self._send(200, json.dumps({"active": True, "username": "somebody"}).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, **headers: str) -> None:
        echo = f"refused {self.headers.get('Authorization')}"  # a careless server: it must not reach a message
        body = json.dumps({"code": status, "message": echo}).encode()
        self._send(status, body, "application/json", **headers)

    def _first(self, refusals: int) -> bool:
        return len(self.stand_in.downloads) <= refusals

    def _plain(self) -> None:
        self._send(200, CSV, "text/csv", X_Kaggle_APIVersion="99.0.0")

    def _zip(self) -> None:
        self._send(200, zipped(Train__csv=CSV, Test__csv=b"other"), "application/zip")

    def _zip_in_folder(self) -> None:
        self._send(200, zipped(data_slash_Train__csv=CSV), "application/zip")

    def _chunked(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (CSV[:20], CSV[20:], b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.stand_in.stop.is_set():
                self.wfile.write(CSV * 1000)
        except OSError:
            pass  # the client has seen enough

    def _redirected(self) -> None:
        self._send(302, b"", "text/plain", Location=f"{STORAGE}Train.csv?X-Signature={SIGNATURE}")

    def _redirected_badly(self) -> None:
        self._send(302, b"", "text/plain", Location=f"{STORAGE}Train.csv?X-Signature={SIGNATURE}-old")

    def _status_400(self) -> None:
        self._refuse(400)

    def _status_401(self) -> None:
        self._refuse(401)

    def _status_403(self) -> None:
        self._refuse(403)

    def _status_404(self) -> None:
        self._refuse(404)

    def _status_404_in_a_200(self) -> None:
        self._send(200, json.dumps({"code": 404, "message": "gone"}).encode(), "application/json")

    def _twice_500(self) -> None:
        self._refuse(500) if self._first(2) else self._plain()

    def _always_503(self) -> None:
        self._refuse(503)

    def _once_429(self) -> None:
        self._refuse(429, Retry_After="17") if self._first(1) else self._plain()

    def _hangs(self) -> None:
        self._hang()

    def _drips(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.stand_in.stop.wait(0.05):
                self.wfile.write(b"x")
        except OSError:
            pass  # the client was ended

    def _hang(self) -> None:
        self.close_connection = True
        self.stand_in.stop.wait(60)

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(CSV)))
        self.end_headers()
        self.wfile.write(CSV[:30])
        self.close_connection = True

    def _once_cut(self) -> None:
        self._cut() if self._first(1) else self._plain()

    def _bad_zip(self) -> None:
        whole = zipped(Train__csv=CSV * 50)
        self._send(200, whole[: len(whole) // 2], "application/zip")

    def _damaged_zip(self) -> None:
        whole = bytearray(zipped(Train__csv=CSV * 50))
        whole[60] ^= 0xFF
        self._send(200, bytes(whole), "application/zip")

    def _wrong_zip(self) -> None:
        self._send(200, zipped(Sales__csv=CSV, notes__txt=b"hello"), "application/zip")

    def _html(self) -> None:
        page = b"<!DOCTYPE html>\n<html><head><title>Sign in | Kaggle</title></head></html>"
        self._send(200, page, "text/html")

    def _bomb(self) -> None:
        self._send(200, zipped(Train__csv=CSV + b"4,Male,22,D\n" * (MOST_IN_BOMB // 12)), "application/zip")

    def _lying_bomb(self) -> None:
        self._send(200, lying_bomb(), "application/zip")

    def _large(self) -> None:
        self._send(200, CSV * 10_000, "text/csv")


@contextmanager
def kaggle_stand_in() -> Iterator[StandIn]:
    """A running stand-in; `url` is what to set as HTTP proxy."""
    stand_in = StandIn()
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.stop.set()
        server.shutdown()
        thread.join()
        server.server_close()
