"""One product in a root of its own, as a user's machine has it: real steps, the real ledger, a real model server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.pipeline.outcome import BLOCKED, FAILED
from ml.pipeline.run import Run
from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.registry.golden_rows import GoldenRows, WrongAnswersError
from ml.registry.ledger.ledger import Ledger
from ml.rehearsal.fact import Fact
from ml.storage.root import Root
from serving.client.model_client import ModelServer, ServingError

MODEL = "customer-model"
SERVER_SECONDS = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Site:
    """A root with its data file, and the URL of the model server that watches it; "" while there is none."""

    root: Root
    data: Path
    url: str = ""

    @property
    def ledger(self) -> Ledger:
        """The ledger of the root."""
        return Ledger(self.root.ledger)

    def settings(self, *overrides: str) -> Settings:
        """Return the defaults with these overrides; the user's environment has no say."""
        of_ours = (f"data.source={toml_string(str(self.data))}", f"serving.url={toml_string(self.url)}")
        return resolve(overrides=[*of_ours, *overrides], environment={})

    def run(self, run_id: str, *overrides: str) -> Run:
        """Return a run of this root, which need not have begun."""
        return Run(self.root, run_id, self.settings(*overrides), force=True)

    def steps(self, run_id: str, *overrides: str, steps: Sequence[str] = STEPS) -> RunRecord:
        """Run these steps one after the other, until one ends the run, and return what the run left behind."""
        run = self.run(run_id, *overrides)
        with suppress(Exception):  # whatever it was, the result of the step says so
            for name in steps:
                run_step(name, run)
        return self.record(run_id)

    def record(self, run_id: str) -> RunRecord:
        """Return what a run of this root left behind."""
        return RunRecord.read(self.root.run(run_id))

    def champion(self, number: int) -> Fact:
        """Whether the ledger's champion is this version, and its directory and no other newer one is to be served."""
        champion = self.ledger.champion()
        found = champion.number if champion else None
        there = sorted(int(path.name) for path in (self.root.models / MODEL).glob("*") if path.name.isdecimal())
        if there and there[-1] != found:
            return Fact(f"the champion is version {found}, and a server would take version {there[-1]}", False)
        return Fact(f"the champion is version {found}", found == number)

    def serves(self, number: int) -> Fact:
        """Whether this version is the champion, and the model server answers with it, and right to the known rows."""
        champion = self.champion(number)
        if not champion.ok:
            return champion
        server = ModelServer(self.url, MODEL)
        known = GoldenRows.read(self.root.release(number) / "replay.json")
        available = self._wait_for(server, number)
        if available != [number]:
            return Fact(f"the server has versions {available}, not {number}", False)
        try:
            known.check(server.predict, tolerance=self.settings().promote.tolerance, whom="The model server")
        except (WrongAnswersError, ServingError) as error:
            return Fact(str(error), False)
        return Fact(f"version {number} serves, {len(known.instances)} known rows right")

    @staticmethod
    def _wait_for(server: ModelServer, number: int) -> list[int]:
        """Return the versions that the server has loaded, as soon as it is this one alone, or else at the deadline."""
        deadline = time.monotonic() + SERVER_SECONDS
        while True:
            available: list[int] = []
            with suppress(ServingError):
                available = sorted(one.version for one in server.versions() if one.state == "AVAILABLE")
            if available == [number] or time.monotonic() > deadline:
                return available
            time.sleep(POLL_SECONDS)


@contextmanager
def served(site: Site, base: Path | None = None) -> Iterator[Site]:
    """Give the block the site with a model server that watches its versions, or those below `base`."""
    from serving.server.embedded import embedded_server

    base = base or site.root.models / MODEL
    base.mkdir(parents=True, exist_ok=True)
    with embedded_server(base, model=MODEL, deadline=SERVER_SECONDS) as url:
        yield replace(site, url=url)


def ended(record: RunRecord, outcome: str, *words: str) -> Fact:
    """Whether a run ended with this outcome, and for a reason whose code is one of the words, or that holds it."""
    coded = [(str(one.get("code")), str(one.get("sentence"))) for one in record.artifact("judge").get("reasons", [])]
    reasons = [(sentence, sentence) for sentence in record.reasons] + coded
    told = [next((sentence for key, sentence in reasons if word in key), "") for word in words]
    found = record.outcome or "not ended"
    first = record.reasons[found in (BLOCKED, FAILED) :][:1]  # before what went wrong stands in which step
    shown = next(filter(None, told), "".join(first))
    return Fact(f"{found}: {shown}" if shown else found, found == outcome and all(told))
