"""The commands by which a person decides about a candidate, and what they answer in a terminal."""

from __future__ import annotations

import argparse
from typing import Any

from ml.cli.libraries import need_libraries
from ml.cli.status import as_json, status
from ml.cli.status_text import who_serves
from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.errors import DONE, FinalError, NothingToDoError, printable
from ml.pipeline.approval import decisions
from ml.pipeline.run import FROZEN, Run
from ml.storage.root import Root


def approve(options: argparse.Namespace) -> tuple[int, str]:
    """Promote and confirm the candidate of a run that waits, or for which an override stands."""
    need_libraries()
    run = _run(options)
    try:
        approved = decisions.approve(run, reason=options.reason, candidate=options.candidate)
    except NothingToDoError as nothing:
        return DONE, _answer(options, run, nothing.what)
    answer = status(run.root, run.settings)
    told = f"Version {approved.version}"
    if answer["version"] == approved.version:
        told += f" {who_serves(answer)}"
    if (override := approved.override) is not None:
        told += f"\nPermitted by the override of {override.get('who', 'unknown')}: {override['reason']}"
    if approved.schema:
        told += f"\n{approved.schema}"
    return DONE, as_json(answer) if options.json else "\n".join(map(printable, told.splitlines()))


def refuse(options: argparse.Namespace) -> tuple[int, str]:
    """End a run that waits."""
    run = _run(options, may_be_gone=True)
    try:
        decisions.refuse(run, reason=options.reason, candidate=options.candidate)
    except NothingToDoError as nothing:
        return DONE, _answer(options, run, nothing.what)
    return DONE, _answer(options, run, f"Run {run.id} is refused. What serves goes on serving.")


def override(options: argparse.Namespace) -> tuple[int, str]:
    """Permit `approve` for one candidate that something was against."""
    run = _run(options)
    decisions.override(run, reason=options.reason, until=options.until, candidate=options.candidate)
    until = options.until.isoformat(timespec="seconds")
    text = f"Run {run.id} may be promoted until {until}: python -m ml approve {run.id} --reason '...'"
    return DONE, _answer(options, run, text)


def _answer(options: argparse.Namespace, run: Run, text: str) -> str:
    return as_json(status(run.root, run.settings)) if options.json else printable(text)


def _run(options: argparse.Namespace, *, may_be_gone: bool = False) -> Run:
    """Return the run with the settings that it began with; `--set` and the environment may say where the server is.

    Raises:
        FinalError: There is no such run, and its files are needed.
        SettingsError: Other deciding settings than its own were given.
    """
    root = Root.find(options.root)
    if (root.run(options.run) / FROZEN).is_file():
        frozen = Run.frozen_settings(root, options.run)
        settings = _settings(options, frozen)
        settings.require_same_deciding_settings(resolve(frozen=frozen, environment={}), run=options.run)
        return Run(root, options.run, settings)
    if not may_be_gone:
        raise FinalError(
            f"There is no run {printable(options.run)} in {root.runs}.", "Runs that wait: python -m ml status"
        )
    return Run(root, options.run, _settings(options, None))


def _settings(options: argparse.Namespace, frozen: dict[str, Any] | None) -> Settings:
    overrides = list(options.overrides)
    if options.serving_url is not None:
        overrides.append(f"serving.url={toml_string(options.serving_url)}")
    return resolve(file=options.settings, overrides=overrides, frozen=frozen)
