"""The card of a version that has come into service: whatever goes wrong with it changes nothing else.

Nothing heavy is imported until there is a card to write: this is asked after every command that may change what serves.
"""

from __future__ import annotations

import logging
from pathlib import Path

from ml.registry.ledger.entries import WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.reports.failures import count_failure
from ml.storage.files import json_object, remove_directory
from ml.storage.root import Root

log = logging.getLogger(__name__)


def try_card(root: Root, version: int) -> Path | None:
    """Write the card of a version; whatever goes wrong is logged and counted.

    Returns:
        The path of its page; None when it could not be written.
    """
    try:
        from ml.reports.card.card import write_card

        return write_card(root, version)
    except Exception as error:  # a card must never change what a promotion came to
        count_failure(root, f"the card of version {version}", error, version=version)
        return None


def try_card_of_champion(root: Root) -> Path | None:
    """Write the card of the version that serves, unless it has one, and again those of versions put away since.

    A card of a version put away that cannot be written again, for example since its files are gone, is removed.

    Returns:
        The path of its page; None when there was nothing to write, or it could not be written.
    """
    try:
        ledger = Ledger(root.ledger)
        champion, versions = ledger.champion(), ledger.versions()
    except Exception as error:  # whoever broke the ledger is told by the command itself
        count_failure(root, "the card of the version that serves", error)
        return None
    for number, version in versions.items():
        is_put_away = version.quarantined or version.state == WITHDRAWN
        if is_put_away and _has_a_card_that_does_not_say_so(root, number) and try_card(root, number) is None:
            _take_away(root, number)
    if champion is None or (root.card(champion.number) / "card.html").is_file():
        return None
    return try_card(root, champion.number)


def _take_away(root: Root, number: int) -> None:
    """Remove a card: none is better than one that recommends a version which was put away."""
    try:
        remove_directory(root.card(number), root.trash)
        log.warning("%s: removed, because it does not say that version %d was put away.", root.card(number), number)
    except Exception as error:  # as above
        count_failure(root, f"that the card of version {number} is void", error, version=number)


def _has_a_card_that_does_not_say_so(root: Root, number: int) -> bool:
    place = root.card(number)
    return (place / "card.html").is_file() and not json_object(place / "model-card.json").get("put_away")
