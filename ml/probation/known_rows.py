"""Whether the version on probation is the one that serves, and answers the known rows as training did."""

from __future__ import annotations

from ml.config.settings import Settings
from ml.errors import FinalError
from ml.probation.item import BREACHED, ITEMS, KNOWN_ROWS, NOT_KNOWN, PASSED, Item, unknown
from ml.registry.champion import champion_of, damage_of
from ml.registry.golden_rows import GoldenRows, WrongAnswersError
from ml.registry.ledger.ledger import Version
from ml.storage.root import Root
from serving.client.model_client import ModelServer, Refused, ServingError
from serving.client.version_status import VersionStatus

_MAY_PASS = (404, 408, 429)


def obstacle(server: ModelServer, version: Version, root: Root) -> list[Item]:
    """Return all items if what serves cannot tell anything of the version; an empty list when it can.

    That the server cannot load a version whose files are whole is a breach; whatever else is in the way is not known.
    """
    champion = champion_of(root, server.model, version)
    if lost := damage_of(champion):
        return unknown(ITEMS, f"Version {version.number} cannot be judged: {lost}.")
    try:
        statuses = server.versions()
    except ServingError as error:
        return unknown(ITEMS, f"The model server could not be asked: {error}")
    if failed := next((status for status in statuses if _failed(status, version.number)), None):
        what = f"{server.url} could not load version {version.number}: {failed.error_code} {failed.error_message}."
        return [Item(KNOWN_ROWS, BREACHED, what), *unknown(ITEMS[1:], "The version does not serve.")]
    served = max((status.version for status in statuses if status.state == "AVAILABLE"), default=None)
    if served != version.number:
        answers = "no version" if served is None else f"version {served}"
        return unknown(ITEMS, f"{server.url} answers with {answers} and not with version {version.number}.")
    return []


def check_known_rows(server: ModelServer, version: Version, root: Root, settings: Settings) -> Item:
    """Ask the server for the known rows of a version, over HTTP."""
    try:
        known = GoldenRows.read(root.release(version.number) / "replay.json")
        worst = known.check(
            lambda rows: server.predict(rows, version=version.number),
            tolerance=settings.promote.tolerance,
            whom=f"{server.url}",
        )
    except WrongAnswersError as error:
        return Item(KNOWN_ROWS, BREACHED, error.what)
    except Refused as error:
        result = NOT_KNOWN if error.status >= 500 or error.status in _MAY_PASS else BREACHED
        return Item(KNOWN_ROWS, result, f"The known rows were refused: {error}")
    except (ServingError, FinalError, OSError) as error:
        return Item(KNOWN_ROWS, NOT_KNOWN, f"The known rows could not be asked: {error}")
    told = f"{len(known.instances)} known rows were answered as training did; the largest difference is {worst:.1e}."
    return Item(KNOWN_ROWS, PASSED, told)


def _failed(status: VersionStatus, number: int) -> bool:
    return status.version == number and status.state == "END" and status.error_code != "OK"
