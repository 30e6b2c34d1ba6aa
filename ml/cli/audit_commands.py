"""The commands that read decisions back, and what they answer in a terminal."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.audit.compare import compare as compared
from ml.audit.compare import compare_text
from ml.audit.explain import explain as why
from ml.audit.explain import explain_text
from ml.audit.ledger_check import accept_ledger, seen_head, verified_text, verify_ledger
from ml.audit.lineage import lineage as origins
from ml.audit.lineage import lineage_text
from ml.audit.rules_by_week import MOST_WEEKS, rules_by_week
from ml.audit.subject import subject
from ml.audit.verification import verification, verification_text
from ml.cli.status import as_json
from ml.config.settings import Settings, resolve
from ml.errors import DONE, MAY_RETRY, NothingToDoError, SettingsError
from ml.storage.root import Root


def ledger(options: argparse.Namespace) -> tuple[int, str]:
    """Verify the ledger, or accept it as it is."""
    if options.action == "accept":
        if not options.reason:
            raise SettingsError("ledger accept: no reason was given.", "Say why the ledger differs: --reason '...'")
        try:
            accepted = accept_ledger(Root.find(options.root), _settings(options), reason=options.reason)
        except NothingToDoError as nothing:
            return DONE, as_json({"accepted": 0}) if options.json else nothing.what
        text = f"Accepted as it is, with {accepted} fault{'s' if accepted != 1 else ''}; the entry says who, and why."
        return DONE, as_json({"accepted": accepted}) if options.json else text
    answer = verify_ledger(Root.to_read(options.root), seen=[seen_head(text) for text in options.seen])
    return DONE, as_json(answer) if options.json else verified_text(answer)


def verify(options: argparse.Namespace) -> tuple[int, str]:
    """Compute a verdict's numbers again; 1 when some differ."""
    answer = verification(Root.to_read(options.root), options.verdict)
    return DONE if answer["agrees"] else MAY_RETRY, as_json(answer) if options.json else verification_text(answer)


def explain(options: argparse.Namespace) -> tuple[int, str]:
    """Say why a version came about, or a candidate did not."""
    answer = why(subject(Root.to_read(options.root), options.subject))
    return DONE, as_json(answer) if options.json else explain_text(answer)


def compare(options: argparse.Namespace) -> tuple[int, str]:
    """Put two versions or candidates beside each other."""
    root = Root.to_read(options.root)
    answer = compared(subject(root, options.one), subject(root, options.other))
    return DONE, as_json(answer) if options.json else compare_text(answer)


def rules(options: argparse.Namespace) -> tuple[int, str]:
    """Say which rules of validation and of the gate spoke in which week."""
    if not 1 <= options.weeks <= MOST_WEEKS:
        raise SettingsError(
            f"rules: --weeks {options.weeks}: must lie between 1 and {MOST_WEEKS}.", "For a quarter: 13."
        )
    found = rules_by_week(Root.to_read(options.root), weeks=options.weeks)
    return DONE, as_json(found.as_json()) if options.json else found.as_text()


def lineage(options: argparse.Namespace) -> tuple[int, str]:
    """Say what a version was made of, and by whom."""
    answer = origins(subject(Root.to_read(options.root), options.subject), model=_settings(options).serving.model)
    return DONE, as_json(answer) if options.json else lineage_text(answer)


def reproduce(options: argparse.Namespace) -> tuple[int, str]:
    """Train a version again and compare the weights; 1 when they are others."""
    from ml.audit.reproduction.reproduce import reproduce as made_again
    from ml.audit.reproduction.reproduce import reproduced_text

    of = subject(Root.to_read(options.root), options.subject)
    with _scratch(options.into) as scratch:
        answer = made_again(of, model=_settings(options).serving.model, scratch=scratch)
    return int(not answer["same_weights"]), as_json(answer) if options.json else reproduced_text(answer)


@contextmanager
def _scratch(into: Path | None) -> Iterator[Path]:
    """Give an empty directory that stays if it was named, and vanishes if not."""
    if into is None:
        with tempfile.TemporaryDirectory(prefix="reproduce-") as place:
            yield Path(place)
        return
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise SettingsError(f"--into {into}: is not an empty directory.", "Name one that is empty or does not exist.")
    into.mkdir(parents=True, exist_ok=True)
    yield into.absolute()


def _settings(options: argparse.Namespace) -> Settings:
    return resolve(file=options.settings, overrides=options.overrides)
