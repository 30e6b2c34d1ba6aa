"""How a followed run ends on the terminal: with an answer of the version that serves, or with what went wrong."""

from __future__ import annotations

from local_stack import report
from local_stack.follow import Follower
from local_stack.model_server import Endpoint
from local_stack.places import Places
from ml.registry.ledger import Ledger

SERVER_SECONDS = 120.0


def print_answer(endpoint: Endpoint, places: Places, *, hint: str) -> None:
    """Ask the champion for one customer, once it is available, and show question and answer."""
    champion = Ledger(places.root.ledger).champion()
    if champion is None:
        return
    endpoint.wait_for(champion.number, seconds=SERVER_SECONDS, log=places.logs / "model-server.log")
    print(f"\nOne customer, asked over REST{hint}:")
    print(f"  {endpoint.curl()}\n  {endpoint.predict()}")


def print_failure(follower: Follower, places: Places, *, where: str) -> int:
    """Say what failed and where more of it is; the exit code is 2 when a retry cannot help, else 1."""
    print()
    failed = follower.failed()
    if failed is None:
        print("The run failed before a step could write a result.")
    else:
        for line in report.failure_lines(failed):
            print(line)
    champion = Ledger(places.root.ledger).champion()
    print(f"Nothing was promoted{f'; version {champion.number} keeps serving' if champion else ''}.")
    print(f"More: {where}")
    return 2 if failed and (failed.get("error") or {}).get("retry") is False else 1
