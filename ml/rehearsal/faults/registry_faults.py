"""Faults between the registry and the model server: a version that is not whole, not loadable, or not what it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ml.artifacts import Accepted, Evaluation, Model, Verdict
from ml.errors import RetrainError
from ml.pipeline.approval.permission import require_permission
from ml.pipeline.identity import identity, ingredients
from ml.pipeline.run import Run
from ml.registry.confirm import confirm
from ml.registry.ledger.entries import INTENT, WITHDRAWN
from ml.registry.promote import Check, promote
from ml.rehearsal.fact import Fact
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.preparation import CANDIDATE
from ml.rehearsal.site import MODEL, Site, served
from ml.rehearsal.worlds import Worlds
from ml.storage import files
from serving.client.model_client import ModelServer


def half_written(worlds: Worlds) -> list[Fact]:
    """Leave half of a SavedModel under a number that the ledger has only announced, as a power cut might."""
    site = worlds.candidate("half-written version")
    model = site.run(CANDIDATE).artifact("train", Model)
    with served(site) as watched:
        site.ledger.append(INTENT, run_id=CANDIDATE, version=2, model_sha256=model.sha256)
        shutil.copytree(site.root.release(1), site.root.release(2))
        files.make_directories(site.root.version(MODEL, 2))
        content = (model.saved_model / "saved_model.pb").read_bytes()
        (site.root.version(MODEL, 2) / "saved_model.pb").write_bytes(content[: len(content) // 2])
        watched.steps("next", steps=["ingest"])
        return [withdrawn(site, 2, "never completely published"), watched.serves(1)]


def not_loadable(worlds: Worlds) -> list[Fact]:
    """Promote a candidate whose graph is garbage, judged as it is; then once more past the check before publishing."""
    site = worlds.candidate("not loadable")
    run = site.run(CANDIDATE)
    trained = run.artifact("train", Model)
    place = site.root.path / "garbage"
    shutil.copytree(trained.path, place)
    (place / "saved_model" / "saved_model.pb").write_bytes(b"no graph")
    model = replace(trained, path=place, sha256=files.sha256_tree(place / "saved_model"))
    with served(site) as watched:
        refused = _error(lambda: _promote(run, model))
        first = Fact(f"promote: {refused}", "cannot be served" in refused and site.ledger.of_run(CANDIDATE) is None)
        said = _error(lambda: _promote(run, model, check=lambda *_: None)) or _error(lambda: _confirm(watched, 2))
        second = withdrawn(site, 2, "could not load it")
        return [first, Fact(f"past that check, {second.text}", second.ok and bool(said)), watched.serves(1)]


def wrong_answers(worlds: Worlds) -> list[Fact]:
    """Let the server that confirms version 2 have the files of version 1 under that number."""
    site = worlds.candidate("wrong answers")
    elsewhere = site.root.path / "elsewhere"
    shutil.copytree(site.root.version(MODEL, 1), elsewhere / "2")
    with served(site, elsewhere) as liar:
        liar.steps(CANDIDATE, steps=["promote", "confirm"])
        told = withdrawn(site, 2, "answers wrongly", "probability")
    with served(site) as watched:
        return [told, watched.serves(1)]


def withdrawn(site: Site, number: int, *words: str) -> Fact:
    """Whether a version was withdrawn for a reason that holds these words, and is out of the server's sight."""
    version = site.ledger.versions().get(number)
    if version is None:
        return Fact(f"the ledger knows no version {number}", False)
    reason = str(version.last.get("reason", ""))
    is_gone = not site.root.version(MODEL, number).exists()
    ok = version.state == WITHDRAWN and is_gone and all(word in reason for word in words)
    return Fact(f"version {number} {version.state}{f': {reason}' if reason else ''}", ok)


def _promote(run: Run, model: Model, *, check: Check | None = None) -> None:
    verdict, origin = replace(run.artifact("judge", Verdict), model_sha256=model.sha256), identity(run)
    promote(
        model,
        verdict,
        statistics=run.artifact("validate", Accepted).statistics,
        evaluation=run.artifact("evaluate", Evaluation),
        root=run.root,
        settings=run.settings,
        run_id=run.id,
        identity=origin,
        ingredients=ingredients(run),
        permit=partial(require_permission, run, verdict, fingerprint=str(origin["fingerprint"])),
        check=check,
    )


def _confirm(site: Site, number: int) -> None:
    out = site.root.path / "confirmed"
    confirm(number, server=ModelServer(site.url, MODEL), root=site.root, settings=site.settings(), out=out)


def _error(work: Callable[[], None]) -> str:
    """Return what the product said when it refused; "" when it did not."""
    try:
        work()
    except RetrainError as error:
        return error.what
    return ""


REGISTRY_FAULTS = (
    Fault("half-written version", "withdrawn before it counts; version 1 never stops serving", half_written),
    Fault("not loadable", "refused before it is published; past that, withdrawn; version 1 serves", not_loadable),
    Fault("wrong answers", "withdrawn by confirm, and version 1 serves", wrong_answers),
)
