"""The summary of a run for a terminal: verdict, metrics, version and a prediction, or the error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml.errors import printable
from ml.evaluation.metric_table import metric_table
from ml.pipeline.outcome import FAILED, KEPT, PROMOTED, SAME, UNCHANGED, WAITING, WITHHELD, Results, end_of, error_of
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.provenance import is_sample
from ml.storage.root import Root
from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer, ServingError
from stack.local.errors import StackError
from stack.local.paths import Paths
from stack.local.run_follower import RunFollower

SERVER_SECONDS = 120.0
ANSWER_SECONDS = 30.0


def summary_lines(results: Results, *, root: Root, run_id: str, model: str) -> Iterator[str]:
    """The summary of a run that did not fail.

    Args:
        results: The result of each step.
        root: The root directory.
        run_id: The run.
        model: The name of the model.
    """
    end = end_of(results)
    outcome = end.outcome if end else FAILED
    if outcome == UNCHANGED:
        told = str(error_of(results.get("ingest", {})).get("what", "")) or "Nothing new."
        yield f"{told.removesuffix(' Force the run to repeat it.')} FORCE=1 retrains all the same."
    verdict = results.get("judge", {}).get("artifact")
    if isinstance(verdict, Mapping):
        yield from verdict_lines(verdict, outcome)
        if outcome == WITHHELD:
            yield printable(f"Withheld: {error_of(results.get('promote', {})).get('what', '')}")
        yield ""
        champion_metrics = verdict.get("champion_metrics") or {}
        yield from metric_table(verdict.get("metrics", {}), champion_metrics, thresholds_of(root.run(run_id)))
    yield ""
    champion = Ledger(root.ledger).champion()
    if champion is None:
        yield "No version has been promoted yet."
    else:
        which = "Promoted" if outcome == PROMOTED else "Still serving"
        of_sample = ", a SAMPLE model of made-up customers," if is_sample(champion) else ""
        yield f"{which}: version {champion.number}{of_sample} in {root.version(model, champion.number)}"


def verdict_lines(verdict: Mapping[str, Any], outcome: str) -> Iterator[str]:
    """The decision of a verdict, and each of its reasons."""
    decision = "the candidate earns promotion" if verdict.get("promotes") else "the candidate is rejected"
    if outcome == SAME:
        decision = "the candidate is the champion once more"
    if outcome == KEPT:
        decision = "nobody can tell which is better, so the champion stays"
    waits = "; it waits for a person" if outcome == WAITING else ""
    yield f"Verdict: {decision}{waits}"
    for reason in verdict.get("reasons", []):
        yield printable(f"  - {reason['sentence']}")


def thresholds_of(run_directory: Path) -> dict[str, Any]:
    """The settings of the judge in this run; empty when they cannot be read."""
    try:
        settings = json.loads((run_directory / "settings.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return dict(settings.get("judge", {}))


def failure_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """What a failed step found, and what to do."""
    error = result.get("error") or {}
    yield f"Step {result.get('step')} failed: {error.get('type', 'unknown error')}"
    for finding in error.get("findings") or [error.get("what", "")]:
        yield f"  - {finding}"
    if error.get("cure"):
        yield f"  {error['cure']}"


def print_answer(server: ModelServer, paths: Paths, *, hint: str) -> None:
    """Wait until the champion is served, ask for one prediction, and show request and answer.

    Args:
        server: The model server.
        paths: The paths of the stack.
        hint: More about the server, in the line above the request.

    Raises:
        StackError: The model server does not serve the champion in time, or does not answer.
    """
    champion = Ledger(paths.root.ledger).champion()
    if champion is None:
        return
    try:
        server.wait_available(champion.number, deadline=SERVER_SECONDS)
        answer = server.predict_text([EXAMPLE_INSTANCE])
    except ServingError as error:
        raise StackError(f"{error} Its log is {paths.logs / 'model-server.log'}.") from error
    body = json.dumps({"instances": [EXAMPLE_INSTANCE]})
    print(f"\nA prediction for one customer over REST{hint}:")
    print(f"  curl -s {server.model_url}:predict -H 'Content-Type: application/json' -d '{body}'")
    print(f"  {' '.join(answer.split())}")


def print_failure(follower: RunFollower, paths: Paths, *, where: str) -> int:
    """Show what failed and where details are; the exit code is 2 if a retry cannot help, else 1."""
    print()
    failed = follower.failed()
    if failed is None:
        print("The run failed before a step could write a result.")
    else:
        for line in failure_lines(failed):
            print(printable(line))
    champion = Ledger(paths.root.ledger).champion()
    print(f"Nothing was promoted{f'; version {champion.number} keeps serving' if champion else ''}.")
    print(f"Details: {where}")
    return 2 if failed and (failed.get("error") or {}).get("retry") is False else 1
