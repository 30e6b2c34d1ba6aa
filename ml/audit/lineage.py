"""What a version was made of, and by whom: data, schema, code, settings, libraries, verdict, and its first number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.audit.damage import damage_of_model, damages
from ml.audit.explain import data_of, data_text
from ml.audit.subject import Subject, subject
from ml.errors import FinalError, printable
from ml.pipeline.fingerprint import code_sha256

HASHES = ("schema_sha256", "settings_sha256", "code_sha256", "model_sha256")


def lineage(of: Subject, *, model: str) -> dict[str, Any]:
    """Return what `of` was made of, with the chain of versions back to the first with these bytes.

    Args:
        of: A version, or the candidate of a run.
        model: The name of the served model, whose directory is compared with the recorded hash.
    """
    entry, record = of.entry, of.record
    chain = _origins(of)
    environment = record.get("environment") or {}
    found: dict[str, Any] = {
        "version": of.version.number if of.version else None,
        "run_id": of.run_id,
        "at": entry.get("at"),
        "who": entry.get("who"),
        "reasons": list(entry.get("reasons") or []),
        "data": data_of(of),
        **{name: entry.get(name) or record.get(name) for name in HASHES},
        "code_is_this": (entry.get("code_sha256") or record.get("code_sha256")) == code_sha256(),
        "settings": dict(of.settings),
        "environment": dict(environment),
        "schema": record.get("schema"),
        "schema_number": entry.get("schema_number", record.get("schema_number")),
        "rollback_of": chain,
        "damage": [*damages(of), *filter(None, [damage_of_model(of, model)])],
    }
    wanted = {
        **{name.removesuffix("_sha256"): found[name] for name in HASHES},
        "data": found["data"]["sha256"],
        "settings": found["settings"],
        "environment": found["environment"],
        "schema's text": found["schema"],
    }
    return found | {"not_recorded": sorted(name for name, value in wanted.items() if not value)}


def lineage_text(answer: Mapping[str, Any]) -> str:
    """Return the answer of `lineage` as text for a terminal."""
    return "\n".join(map(printable, _lines(answer)))


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    number = answer["version"]
    yield f"Version {number}" if number else f"Run {answer['run_id']}, which became no version"
    for step in answer["rollback_of"]:
        yield f"  bytes of      version {step['version']}, run {step['run_id']}, {step['at']}, by {step['who']}"
    made = (answer["who"], answer["at"], f"run {answer['run_id']}")
    yield f"  made by        {', '.join(filter(None, made))}"
    yield f"  data           {data_text(answer['data'])}"
    for name in HASHES:
        label = name.removesuffix("_sha256")
        here = ", as it is here" if name == "code_sha256" and answer["code_is_this"] else ""
        if name == "schema_sha256" and answer["schema_number"] is not None:
            here = f", accepted as schema {answer['schema_number']}" if answer["schema_number"] else ", git's"
        yield f"  {label:<14} {f'sha256 {answer[name][:12]}{here}' if answer[name] else 'not recorded'}"
    environment = answer["environment"]
    if environment:
        machine = ", ".join(filter(None, (environment.get("machine"), environment.get("processor"))))
        yield f"  python         {environment.get('python')} on {machine}"
        yield f"  libraries      {', '.join(f'{name} {of}' for name, of in environment.get('libraries', {}).items())}"
    train = answer["settings"].get("train", {})
    if train:
        yield f"  train settings {', '.join(f'{key} {value}' for key, value in train.items())}"
    for reason in answer["reasons"]:
        yield f"  verdict        {reason}"
    yield from (f"  DAMAGED        {damage}" for damage in answer["damage"])
    if answer["not_recorded"]:
        yield f"  not recorded   {', '.join(answer['not_recorded'])}"


def _origins(of: Subject) -> list[dict[str, Any]]:
    """Return the versions with the same bytes that came before, the last one first."""
    found: list[dict[str, Any]] = []
    seen = {of.version.number} if of.version else set()
    entry = of.entry
    while (number := entry.get("rollback_of")) is not None and number not in seen:
        seen.add(number)
        try:
            entry = subject(of.root, str(number)).entry
        except FinalError:
            break
        found.append({"version": number, **{key: entry.get(key) for key in ("run_id", "at", "who", "reasons")}})
    return found
