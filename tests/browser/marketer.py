"""The marketer's page on free ports: a golden model with a release, its server, and the gateway before it."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml.storage.root import PROJECT
from serving.client.model_client import ModelServer

PYTHON = PROJECT / ".venv-ml" / "bin" / "python"
MODEL = "customer-example"
START_SECONDS = 120
HEADER = "ID;Gender;Ever_Married;Age;Graduated;Profession;Work_Experience;Spending_Score;Family_Size"


@dataclass(frozen=True)
class Door:
    """A gateway.

    Attributes:
        url: Where it is.
        spool: Where its temporary files are.
    """

    url: str
    spool: Path

    def files(self) -> list[Path]:
        """What is there of the files of people."""
        return [*self.spool.glob("gateway-*/request-*/*")]


@contextmanager
def marketers_door(directory: Path, *flags: str) -> Iterator[Door]:
    """The whole of it, in a directory of its own; `flags` are more of the gateway's."""
    with ExitStack() as up:
        server = up.enter_context(started("serving.model_server", *model_flags(), directory=directory))
        ModelServer(server, MODEL).wait_available(1, deadline=START_SECONDS)
        write = [str(PYTHON), "-m", "tests.serving.gateway.page.release", str(directory), server]
        subprocess.run(write, cwd=PROJECT, env=_environment(directory), check=True, timeout=START_SECONDS)
        yield up.enter_context(gateway(directory, server, MODEL, *flags))


@contextmanager
def gateway(root: Path, upstream: str, model: str, *more: str) -> Iterator[Door]:
    """A gateway before a model server.

    Args:
        root: What its releases are below.
        upstream: The server.
        model: The model.
        more: More flags.
    """
    spool = root / "spool"
    flags = (f"--upstream={upstream}", f"--model={model}", f"--spool={spool}", f"--lists={root / 'lists'}")
    with started("serving.gateway", "--port=0", *flags, *more, directory=root) as url:
        yield Door(url, spool)


@contextmanager
def started(module: str, *flags: str, directory: Path) -> Iterator[str]:
    """A process of the ML environment that says where it listens."""
    with process_of(module, *flags, directory=directory) as (url, _):
        yield url


@contextmanager
def process_of(module: str, *flags: str, directory: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """As `started`, with the process itself for those who do it harm."""
    with (directory / f"{module}.log").open("ab") as log:
        process = subprocess.Popen(
            [PYTHON, "-m", module, *flags],
            cwd=PROJECT,
            env=_environment(directory),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
        said = process.stdout.readline() if ready else ""
        assert said.startswith("Listening on "), (directory / f"{module}.log").read_text()
        yield said.split()[2], process
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def model_flags(port: int = 0) -> tuple[str, ...]:
    """Those of a server of the golden model."""
    models = PROJECT / "tests" / "serving" / "golden" / "models" / MODEL
    return (f"--rest_api_port={port}", f"--model_name={MODEL}", f"--model_base_path={models}")


def add_token(file: Path, name: str, *scopes: str, most_bytes: int = 16 << 20) -> str:
    """A new token, by the gateway's own command; a file that it sends may have `most_bytes`."""
    flags = (*(f"--scope={scope}" for scope in scopes), f"--max-body-bytes={most_bytes}")
    command = [str(PYTHON), "-m", "serving.gateway", "token", "add", name, *flags, f"--file={file}"]
    done = subprocess.run(
        command, cwd=PROJECT, env=_environment(file.parent), check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def customers(number: int) -> str:
    """A CSV with semicolons, as a European spreadsheet writes it."""
    work, score = ("Artist", "Doctor", "Engineer", "Healthcare"), ("Low", "Average", "High")
    gender = ("Male", "Female")
    rows = (
        f"{1000 + n};{gender[n % 2]};No;{18 + n % 70},5;Yes;{work[n % 4]};{n % 14};{score[n % 3]};{1 + n % 7}"
        for n in range(number)
    )
    return "\ufeff" + "".join(f"{row}\r\n" for row in (HEADER, *rows))


def eventually(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "RETRAIN"))}
    return kept | {"RETRAIN_ROOT": str(root), "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": ""}
