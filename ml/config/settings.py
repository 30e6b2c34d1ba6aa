"""One frozen tree of settings: defaults in settings.toml, overridden by a file, the environment and the caller."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from ml.config.deciding_settings import deciding_part, profit_is_judged
from ml.config.economics import Economics
from ml.config.gate_settings import GateSettings, JudgeSettings
from ml.config.monitoring_settings import MonitoringSettings
from ml.config.overrides import APPROVAL, Overrides, key_and_value, read_toml, taken_over
from ml.config.tree_differences import differences
from ml.config.typed_tree import Between, EachMatching, Matching, OneOrMore, build
from ml.errors import SettingsError

DEFAULTS = Path(__file__).with_name("settings.toml")
ENVIRONMENT_PREFIX = "RETRAIN__"

Share = Annotated[float, Between(0, 1)]
Seconds = Annotated[float, Between(0.1, 86_400)]


@dataclass(frozen=True)
class DataSettings:
    """The section `data`: where the data come from, and the limits of fetching them."""

    source: str
    dataset: str
    file: Annotated[str, Matching(r"(?!\.{1,2}(/|$))[^/\s\\][^\x00-\x1f\\]*", "the name of a file in the data set")]
    attempts: Annotated[int, Between(1, 20)]
    timeout_seconds: Seconds
    max_bytes: Annotated[int, Between(1, 10**12)]
    sample_rows: Annotated[int, Between(1, 10**8)]
    sample_seed: Annotated[int, Between(0, 2**31)]


@dataclass(frozen=True)
class TargetSettings:
    """The section `target`: which customers count as targets."""

    column: str
    positive_segments: Annotated[tuple[str, ...], OneOrMore()]
    threshold: Share


@dataclass(frozen=True)
class ValidateSettings:
    """The section `validate`: which anomalies block a run."""

    drift_blocks: bool
    max_examples: Annotated[int, Between(1, 100)]
    blocks_above: Mapping[str, Share]


@dataclass(frozen=True)
class TransformSettings:
    """The section `transform`: how rows are split into train and eval."""

    eval_share: Annotated[float, Between(0.01, 0.99)]
    salt: str
    batch_rows: Annotated[int, Between(1, 10**7)]


@dataclass(frozen=True)
class TrainSettings:
    """The section `train`: how the network is trained."""

    epochs: Annotated[int, Between(1, 500)]
    batch_size: Annotated[int, Between(1, 65_536)]
    learning_rate: Annotated[float, Between(1e-6, 1)]
    seed: Annotated[int, Between(0, 2**31)]
    patience: Annotated[int, Between(1, 500)]
    holdout_share: Annotated[float, Between(0.01, 0.5)]


@dataclass(frozen=True)
class EvaluateSettings:
    """The section `evaluate`: which slices count."""

    min_slice_rows: Annotated[int, Between(1, 10**7)]


@dataclass(frozen=True)
class PromoteSettings:
    """The section `promote`: publishing a version, and checking it before."""

    enabled: bool
    replay_rows: Annotated[int, Between(1, 10_000)]
    tolerance: Annotated[float, Between(1e-9, 0.1)]
    lock_wait_seconds: Annotated[float, Between(0, 86_400)]
    load_deadline_seconds: Seconds
    hold_days: Annotated[float, Between(0, 3650)]


@dataclass(frozen=True)
class ConfirmSettings:
    """The section `confirm`: checking a version after it was published."""

    deadline_seconds: Seconds


@dataclass(frozen=True)
class ProbationSettings:
    """The section `probation`: how long a promoted version is watched, and what makes it go back."""

    hours: Annotated[float, Between(0, 2_160)]
    requests: Annotated[int, Between(1, 10**9)]
    errors_rise: Share
    latency_factor: Annotated[float, Between(1, 1_000)]
    latency_ms: Annotated[float, Between(0, 60_000)]
    share_margin: Share


@dataclass(frozen=True)
class KeepSettings:
    """The section `keep`: how many versions and runs are kept."""

    versions: Annotated[int, Between(2, 10_000)]
    days: Annotated[float, Between(0, 3650)]
    runs: Annotated[int, Between(1, 100_000)]


@dataclass(frozen=True)
class ServingSettings:
    """The section `serving`: the model server that is asked."""

    url: Annotated[str, Matching(r"|https?://[^/\s]+(/\S*)?", "empty, or http://HOST:PORT")]
    model: Annotated[str, Matching(r"[A-Za-z0-9_][A-Za-z0-9_-]*", "letters, digits, _ and -")]


@dataclass(frozen=True)
class BeamSettings:
    """The section `beam`: the Apache Beam runner that does the work of the steps, if any."""

    runner: Annotated[str, Matching(r"|[A-Za-z]\w*(\.\w+)*", "empty, or the name of a Beam runner")]
    options: Annotated[
        tuple[str, ...],
        EachMatching(
            r"(?!-+s3_(s|a(?!p))).*",  # access_key_id, secret_access_key, session_token, and what is short for them
            "Each run keeps its settings: give keys as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.",
        ),
    ]
    deadline_seconds: Seconds
    directory: Annotated[
        str, Matching(r"|/.*|[a-z][a-z0-9+.-]+://.+", "empty, an absolute path, or one like s3://name")
    ]
    environment: Annotated[
        tuple[str, ...],
        EachMatching(r"(AWS|GOOGLE)_[A-Z0-9_]+", "Give names of variables that begin with AWS_ or GOOGLE_."),
    ] = ()


@dataclass(frozen=True)
class FeedbackSettings:
    """The section `feedback`: where it is what the gateway wrote, and what outcomes are used for."""

    record: Annotated[str, Matching(r"[^\x00]+", "a directory")]
    outcomes: Annotated[str, Matching(r"[^\x00]+", "a directory")]
    lists: Annotated[str, Matching(r"[^\x00]+", "a directory")]
    join_training: bool
    settled_days: Annotated[int, Between(0, 365)]


@dataclass(frozen=True)
class Settings:
    """All settings; the comments in settings.toml say what each means."""

    data: DataSettings
    target: TargetSettings
    validate: ValidateSettings
    transform: TransformSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    judge: JudgeSettings
    gate: GateSettings
    promote: PromoteSettings
    confirm: ConfirmSettings
    economics: Economics
    probation: ProbationSettings
    keep: KeepSettings
    serving: ServingSettings
    beam: BeamSettings
    feedback: FeedbackSettings
    monitoring: MonitoringSettings

    def __post_init__(self) -> None:
        """Check sections against one another.

        Raises:
            SettingsError: Profit shall decide, and nobody has said what a contact costs.
        """
        if self.gate.primary == "Profit" and not self.economics.is_set:
            raise SettingsError(
                "gate.primary = 'Profit' needs economics.value and economics.cost.", "Set both, or another metric."
            )

    @property
    def gate_economics(self) -> Economics | None:
        """What the gate computes profit with; None when profit is no metric of it."""
        return self.economics if profit_is_judged(self.as_dict()) else None

    def as_dict(self) -> dict[str, Any]:
        """Return the tree as plain JSON values."""
        return dataclasses.asdict(self)

    def deciding_settings(self) -> dict[str, Any]:
        """Return the part that decides what a run results in; the rest says where, how long and how much is shown."""
        return deciding_part(self.as_dict())

    def require_same_deciding_settings(self, frozen: Settings, *, run: str) -> None:
        """Refuse to go on with a run under other deciding settings than those that its ledger entry will name.

        Raises:
            SettingsError: Some of them differ; the message names each.
        """
        found = differences(frozen.deciding_settings(), self.deciding_settings())
        changed = [f"{key} {before!r} -> {now!r}" for key, (before, now) in found.items()]
        if changed:
            raise SettingsError(
                f"Run {run} was begun with other settings: {', '.join(changed)}.",
                "Begin a new run with them: python -m ml ingest --run NEW_ID --set ...",
            )


def resolve(
    *,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    raises: Sequence[str] = (),
    frozen: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings after all overrides.

    Args:
        file: A TOML file that holds what differs from the defaults.
        overrides: `section.key=value` strings; the value is TOML, or else a plain string.
        raises: Like `overrides`, for thresholds that may only go up, and for `gate.approval`, which may only go from
            never over unsure to always. Neither `overrides` nor, once a run has begun, the environment lowers that.
        frozen: The tree that an earlier step of the same run resolved; replaces the defaults. If it was an older code,
            sections that this one has got since come from the defaults, and settings that are gone are left out.
        environment: `os.environ` unless given; `RETRAIN__SECTION__KEY=value`.

    Raises:
        SettingsError: A key is unknown or missing, or a value has the wrong type or is out of range.
    """
    defaults = read_toml(DEFAULTS)
    tree = Overrides(Settings, taken_over(frozen, defaults) if frozen is not None else defaults)
    if file is not None:
        tree.merge(read_toml(file), where=file.name)
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            key = name[len(ENVIRONMENT_PREFIX) :].replace("__", ".")
            began_stricter = frozen is not None and key.lower() == APPROVAL and not tree.is_raised(text)
            if not began_stricter:
                tree.assign(key, text, where=f"environment variable {name}")
    for override in overrides:
        key, text = key_and_value(override)
        if key.lower() == APPROVAL:
            tree.raise_approval(text, where=f"--set {override}")
        else:
            tree.assign(key, text, where=f"--set {override}")
    for override in raises:
        tree.raise_threshold(*key_and_value(override))
    return build(Settings, tree.tree, "")
