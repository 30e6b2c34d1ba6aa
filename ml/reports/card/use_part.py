"""How to use the version: the scoring command, and a request that its server answers."""

from __future__ import annotations

import json
from typing import Any

from ml.data.features import CATEGORICAL, FEATURES
from ml.reports.card.material import Material, Part
from ml.reports.look.section import Section
from serving.expectation.known_inputs import KnownInput

SCORE = "python -m serving.score docs/customers.csv --out top.csv --top 20%"
SERVER = "http://127.0.0.1:8501"


def use_part(of: Material) -> Part:
    """Return the part of the card."""
    commands = [("Score a list with the version that serves, best customers first:", SCORE)]
    body, model = _request(of), _model(of)
    if body is not None and model:
        url = f"{SERVER}/v1/models/{model}/versions/{of.version}:predict"
        told = "Ask for one customer, made up of the commonest values of its training data (while this version serves):"
        commands.append((told, f"curl -d '{_shell(json.dumps(body, ensure_ascii=False))}' {url}"))
    commands.append(("Write this card again:", f"python -m ml card {of.version}"))
    numbers = {"score": SCORE, "request": body, "model": model}
    return Part(Section("use", "Use it"), numbers, tuple(commands))


def _request(of: Material) -> dict[str, Any] | None:
    """Return the body of a request for one customer; None when it is not recorded what the model knows."""
    if any(name not in of.inputs for name in FEATURES):
        return None
    return {"instances": [{name: _commonest(of.inputs[name], name) for name in FEATURES}]}


def _commonest(known: KnownInput, name: str) -> str | int:
    """Return the commonest value: no real customer's, since a card travels. Of a number the middle of its bucket."""
    if not any(known.counts):
        return "" if name in CATEGORICAL else 0
    most = known.counts.index(max(known.counts))
    if known.values is not None:
        return known.values[most]
    return round((known.edges[most] + known.edges[most + 1]) / 2)


def _model(of: Material) -> str:
    """Return the name under which it is served; "" when its directory is gone."""
    places = sorted(of.root.models.glob(f"*/{of.version}")) if of.root.models.is_dir() else []
    return places[0].parent.name if places else ""


def _shell(text: str) -> str:
    return text.replace("'", "'\\''")
