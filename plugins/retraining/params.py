"""The form of the Trigger dialog, and the command line that its answers become.

Defaults are those of the settings at the time the DAG is parsed. An answer that equals its default is not passed on,
so that the settings keep speaking for themselves.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

from airflow.sdk import Param

from ml.config.overrides import APPROVAL, APPROVALS
from ml.config.settings import TrainSettings, resolve
from ml.config.typed_tree import Between
from ml.errors import SettingsError
from retraining.data_choice import data_choice

_ACCURACY = "judge.at_least.BinaryAccuracy"
_SETTING = {
    "data": "data.source",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "learning_rate": "train.learning_rate",
    "seed": "train.seed",
}


def dag_params() -> dict[str, Param]:
    """Return the Params of the DAG, which Airflow shows as a form."""
    settings = resolve()
    train, least = settings.train, settings.judge.at_least
    return {
        "data": data_choice(settings.data.source),
        "epochs": _number("epochs", train, "Epochs", "At most; training stops early when nothing improves."),
        "batch_size": _number("batch_size", train, "Batch size", "Customers in one step of the optimizer."),
        "learning_rate": _number("learning_rate", train, "Learning rate", "Of the optimizer, Adam."),
        "seed": _number("seed", train, "Seed", "Of weights and row order; the split does not depend on it."),
        "minimum_accuracy": Param(
            least.BinaryAccuracy,
            type="number",
            minimum=least.BinaryAccuracy,
            maximum=1,
            title=f"Minimum accuracy ({least.BinaryAccuracy:g} to 1)",
            description="BinaryAccuracy that the candidate must reach. It can be raised for one run, not lowered.",
        ),
        "approval": Param(
            settings.gate.approval,
            enum=list(APPROVALS[APPROVALS.index(settings.gate.approval) :]),
            title="Approval",
            description="When a person is asked before a promotion. It can be made stricter for one run, not laxer.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Force",
            description="Repeat the work even if nothing changed. The judge is never skipped.",
        ),
        "promote": Param(
            True,
            type="boolean",
            title="Promote",
            description="Off: train and judge, but publish nothing. If the settings say off, it stays off.",
        ),
    }


def check_conf(conf: Mapping[str, Any] | None, known: Sequence[str] = ()) -> None:
    """Refuse a conf that Airflow takes, and that nobody can have meant.

    It would pass over a key that the form does not have, and run with the default. And NaN, which its JSON knows, is in
    no comparison too small or too large.

    The form is that of the retraining unless `known` has the keys of another.

    Raises:
        SettingsError: A key is unknown (the message lists the known ones), or a value is NaN.
    """
    known = known or list(dag_params())
    for key, value in (conf or {}).items():
        if isinstance(value, float) and math.isnan(value):
            raise SettingsError(
                f"The run was triggered with {str(key)[:80]!r} = NaN, which is no number.",
                "Trigger it again with a number, or without this key.",
            )
        if key not in known:
            near = difflib.get_close_matches(str(key).lower(), known, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise SettingsError(
                f"The run was triggered with an unknown key: {str(key)[:80]!r}.{meant}",
                f"Known: {', '.join(known)}. Trigger it again with these.",
            )


def command_line(step: str, answers: Mapping[str, Any]) -> list[str]:
    """Return the options of `python -m ml STEP` for the answers that differ from the settings."""
    params = dag_params()
    defaults = {name: param.value for name, param in params.items()}
    options = []
    for name, setting in _SETTING.items():
        if answers.get(name) is not None and answers[name] != defaults[name]:
            # To JSON 5.0 is an integer; the settings want it written as one.
            is_whole = params[name].schema.get("type") == "integer"
            options += ["--set", f"{setting}={int(answers[name]) if is_whole else answers[name]}"]
    accuracy = answers.get("minimum_accuracy")
    if accuracy is not None and accuracy != defaults["minimum_accuracy"]:
        options += ["--raise", f"{_ACCURACY}={accuracy}"]
    approval = answers.get("approval")
    if approval is not None and approval != defaults["approval"]:
        options += ["--raise", f"{APPROVAL}={approval}"]
    if answers.get("promote") is False:
        options += ["--set", "promote.enabled=false"]
    if answers.get("force") is True and step == "ingest":
        options += ["--force"]
    return options


def _number(name: str, train: TrainSettings, title: str, description: str) -> Param:
    hint = get_type_hints(TrainSettings, include_extras=True)[name]
    kind, bounds = get_args(hint)
    assert isinstance(bounds, Between)  # noqa: S101 - the settings give every number of train its range
    return Param(
        getattr(train, name),
        type="integer" if kind is int else "number",
        minimum=bounds.low,
        maximum=bounds.high,
        title=f"{title} ({_plain(bounds.low)} to {_plain(bounds.high)})",  # Airflow's fields cut off without a word
        description=description,
    )


def _plain(value: float) -> str:
    """Return the number as people write it: 65,536 and not 65536, 0.000001 and not 1e-06."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")
