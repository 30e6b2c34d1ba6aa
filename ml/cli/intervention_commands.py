"""The commands by which a person intervenes: going back, quarantine, adoption, cleaning up, erasing a customer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ml.cli.status import as_json, status
from ml.cli.status_text import rollback_text
from ml.config.overrides import toml_string
from ml.config.settings import Settings, resolve
from ml.errors import DONE, MAY_RETRY, NothingToDoError, SettingsError, printable
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root

if TYPE_CHECKING:  # they load Arrow
    from ml.feedback.reading import Directories
    from ml.feedback.training.erase import Erased


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


def erase(options: argparse.Namespace) -> tuple[int, str]:
    """Remove a customer from the rows that outcomes added to data sets; 1 when not every place could be searched."""
    from ml.feedback.reading import Directories, still_about
    from ml.feedback.training.erase import Whom
    from ml.feedback.training.erase import erase as erase_customer

    if options.id is None and not options.row:
        raise SettingsError("erase: nobody was named.", "Say whom: --id ID, or --row REQUEST:ROW.")
    root, settings = Root.find(options.root), _settings(options)
    whom = Whom(options.id, frozenset(options.row))
    erased = erase_customer(root, settings, whom, now=datetime.now(UTC))
    places = Directories.of(root, settings.feedback)
    left = still_about(places, customer=whom.customer, rows=whom.rows)
    code = MAY_RETRY if erased.busy or left else DONE
    if options.json:
        busy = [error.what for error in erased.busy]
        facts = {"rows": erased.rows, "places": erased.places, "data": sorted(erased.data)}
        return code, as_json({**facts, "not_searched": busy, "left_at_the_gateway": left})
    return code, "\n".join(map(printable, _erased_lines(erased, left, places)))


def _erased_lines(erased: Erased, left: int, places: Directories) -> Iterator[str]:
    rows = f"{erased.rows:,} row{'' if erased.rows == 1 else 's'} that outcomes had added"
    yield f"Erased {rows}{': ' if erased.places else '.'}{', '.join(erased.places)}"
    if erased.data:
        shown = ", ".join(sorted(sha256[:12] for sha256 in erased.data))
        yield f"  These data can no longer be reproduced, and a note says so in their place: {shown}."
    for error in erased.busy:
        yield f"  NOT SEARCHED: {error.what} {error.cure}"
    if left:
        yield (
            f"  STILL THERE: {left:,} row{'' if left == 1 else 's'} at the gateway, which the next run would join. "
            "Erase there first, then repeat this: python -m serving.gateway erase --record "
            f"{places.record} --outcomes {places.outcomes}"
        )
    yield (
        "Not changed: the files that were obtained (data.csv, the inbox, Kaggle's), which belong to whoever supplied "
        "them; the models made from the rows; backups; what reproduce --into left in another directory."
    )


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
