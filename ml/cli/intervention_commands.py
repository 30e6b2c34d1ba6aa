"""The commands by which a person intervenes: going back, quarantine, the end of a hold, adoption, and cleaning up."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime

from ml.cli.status import as_json, status
from ml.cli.status_text import rollback_text
from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.errors import DONE, NothingToDoError, SettingsError, printable
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root


def rollback(options: argparse.Namespace) -> tuple[int, str]:
    """Serve an older version again; what serves is quarantined, and a hold begins."""
    from ml.registry.intervention.rollback import rollback as go_back

    root, settings = Root.find(options.root), _settings(options)

    def work() -> str:
        return rollback_text(
            go_back(root, settings, target=options.version, reason=options.reason), status(root, settings)
        )

    return _answered(root, settings, work, as_json_value=options.json)


def quarantine(options: argparse.Namespace) -> tuple[int, str]:
    """Never serve the bytes of a version, or of a run's candidate, again."""
    from ml.registry.intervention.quarantine import quarantine as put_away

    if not options.subject:
        raise SettingsError(
            "quarantine: no version and no run was named.",
            "Name what shall never serve again: python -m ml quarantine VERSION|RUN --reason '...'. To end a hold: "
            "python -m ml release --reason '...' (in Airflow the action *end the hold*).",
        )
    root, settings = Root.find(options.root), _settings(options)

    def work() -> str:
        before = Ledger(root.ledger).champion()
        after = put_away(root, settings, subject=options.subject, reason=options.reason)
        told = f"{options.subject} is quarantined: its bytes never serve again."
        if after is None or (before is not None and before.number == after.number):
            return told
        return f"{told}\n{rollback_text(after, status(root, settings))}"

    return _answered(root, settings, work, as_json_value=options.json)


def release(options: argparse.Namespace) -> tuple[int, str]:
    """End the hold that stands."""
    from ml.registry.intervention.release import release as end_hold

    root, settings = Root.find(options.root), _settings(options)

    def work() -> str:
        hold = end_hold(root, settings, reason=options.reason)
        return (
            f"The hold since {hold.since} has ended: the next candidate that earns promotion is promoted. "
            f"Version {hold.version} stays quarantined."
        )

    return _answered(root, settings, work, as_json_value=options.json, cleans=False)


def adopt(options: argparse.Namespace) -> tuple[int, str]:
    """Take a version over that the ledger does not know."""
    from ml.registry.intervention.adopt import adopt as take_over

    root, settings = Root.find(options.root), _settings(options)

    def work() -> str:
        version = take_over(root, settings, number=options.version, reason=options.reason)
        return f"Version {version.number} stands in the ledger, as confirmed as any other."

    return _answered(root, settings, work, as_json_value=options.json, cleans=False)


def clean(options: argparse.Namespace) -> tuple[int, str]:
    """Remove what the settings keep no longer, or only say what would go and why."""
    from ml.registry.model_registry import Registry
    from ml.registry.retention import clean_up, retention_plan

    settings = _settings(options)
    if options.dry_run:
        registry = Registry(Root.to_read(options.root), settings.serving.model)
        plan = retention_plan(registry, settings, now=datetime.now(UTC))
    else:
        plan = clean_up(Root.find(options.root), settings)
    if options.json:
        return DONE, as_json([{"path": one.path, "what": one.what, "why": one.why} for one in plan])
    verb = "would go" if options.dry_run else "removed"
    lines = [printable(f"{verb}: {one.what}: {one.why} ({one.path})") for one in plan]
    return DONE, "\n".join(lines) or "Nothing to remove."


def _answered(
    root: Root, settings: Settings, work: Callable[[], str], *, as_json_value: bool, cleans: bool = True
) -> tuple[int, str]:
    """Do the work, remove what is kept no longer, and answer in words or with the status; nothing to do is one, too."""
    from ml.registry.retention import clean_up

    try:
        text = work()
    except NothingToDoError as nothing:
        text, cleans = nothing.what, False
    if cleans:
        clean_up(root, settings)
    return DONE, as_json(status(root, settings)) if as_json_value else "\n".join(map(printable, text.splitlines()))


def _settings(options: argparse.Namespace) -> Settings:
    overrides = list(options.overrides)
    if getattr(options, "serving_url", None) is not None:
        overrides.append(f"serving.url={toml_string(options.serving_url)}")
    return resolve(file=options.settings, overrides=overrides)
