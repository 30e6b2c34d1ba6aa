"""The schema in force, what a run proposes in its place, and how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.data.schema import PROPOSED, Schema, seed_schema
from ml.data.schema_text import unified_diff
from ml.errors import FinalError, printable
from ml.pipeline.run_record import RunRecord
from ml.registry.schemas.in_force import TAKE_SEED, schema_in_force
from ml.storage.root import Root


def shown_schema(root: Root) -> dict[str, Any]:
    """Return the schema in force: its number (0: git's), who accepted it, when and why, and its text.

    Raises:
        FinalError: Its file is missing or was changed.
    """
    in_force = schema_in_force(root)
    entry = in_force.entry
    return {
        "number": in_force.number,
        "schema_sha256": in_force.schema.sha256,
        **{name: entry.get(name) for name in ("who", "at", "reason", "run_id")},
        "seed_has_changed": in_force.seed_has_changed,
        "text": in_force.schema.text,
    }


def shown_text(answer: Mapping[str, Any]) -> str:
    """Return the answer of `shown_schema` for a terminal: a schema file, with what is known of it as comments."""
    lines = [f"# {line}" for line in told_of_schema(answer)]
    return "\n".join([*map(printable, lines), *map(printable, answer["text"].removesuffix("\n").split("\n"))])


def told_of_schema(answer: Mapping[str, Any]) -> list[str]:
    """Return which schema is in force, by `number`, `at`, `who` and `reason`, and whether git's has changed since."""
    if not answer["number"]:
        return ["Git's schema, ml/data/schema.pbtxt, is in force; no other one was accepted."]
    told = [f"Schema {answer['number']}, accepted {answer['at']} by {answer['who']}: {answer['reason']}"]
    if answer["seed_has_changed"]:
        told.append(f"Git's ml/data/schema.pbtxt was changed since. To take it: {TAKE_SEED}")
    return told


def proposed_schema(root: Root, run_id: str) -> tuple[Schema, str]:
    """Return the schema that a run proposes, and the hash of the one that it widens.

    Raises:
        FinalError: There is no such run, it proposes none, or the file was changed since.
    """
    directory = root.run(run_id)
    if not directory.is_dir():
        raise FinalError(f"There is no run {run_id} in {root.runs}.", "`status` and the log name the runs.")
    proposal = RunRecord.read(directory).proposal
    if not proposal:
        raise FinalError(
            f"Run {run_id} proposes no schema.",
            "Only a run that is blocked proposes one, and only if a wider schema lets its data through. To accept one "
            "that you wrote: python -m ml schema accept --file FILE --reason '...'.",
        )
    cure = f"Repeat the step, which proposes it again: python -m ml validate --run {run_id}"
    return Schema.read(directory / PROPOSED, sha256=proposal["schema_sha256"], cure=cure), proposal["previous_sha256"]


def schema_difference(root: Root, run_id: str | None = None) -> dict[str, Any]:
    """Return how the schema in force differs from git's, or the one that a run proposes from that in force.

    `difference` is in the form of `diff -u`; `stale` says that another one came into force since it was proposed.

    Raises:
        FinalError: The run proposes none, or a file is missing or was changed.
    """
    in_force, stale = schema_in_force(root), False
    name = f"schema {in_force.number}" if in_force.number else "git's schema"
    if run_id is None:
        old, new = seed_schema(), in_force.schema
        names = {"old_name": "git's schema", "new_name": f"{name} (in force)"}
    else:
        old = in_force.schema
        new, widens = proposed_schema(root, run_id)
        stale = old.sha256 not in (widens, new.sha256)
        names = {"old_name": f"{name} (in force)", "new_name": f"proposed by {run_id}"}
    return {
        "run_id": run_id,
        "number": in_force.number,
        "old_sha256": old.sha256,
        "new_sha256": new.sha256,
        "stale": stale,
        "difference": unified_diff(old.text, new.text, **names),
    }


def difference_text(answer: Mapping[str, Any]) -> str:
    """Return the answer of `schema_difference` as text for a terminal."""
    if not answer["difference"]:
        what = f"What run {answer['run_id']} proposes" if answer["run_id"] else "Git's schema"
        return f"{what} is in force: no difference."
    lines = answer["difference"].removesuffix("\n").split("\n")
    if answer["stale"]:
        lines.append("STALE: another schema came into force since it was proposed. Start a new run with these data.")
    return "\n".join(map(printable, lines))
