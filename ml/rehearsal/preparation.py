"""The two roots that faults begin with: one with a confirmed version, one with a candidate that waits for promotion."""

from __future__ import annotations

from ml.artifacts import Model
from ml.errors import FinalError
from ml.pipeline.outcome import PROMOTED
from ml.pipeline.step_names import STEPS
from ml.rehearsal.forged import Weights, network_weights, noised, training_returns
from ml.rehearsal.site import Site, served

VERSION_1, CANDIDATE = "first", "candidate"
"""The ids of the runs that made version 1, and that judged a candidate for version 2."""
REFRESH = ("gate.refresh_changed_share=0.0", "gate.false_promotions_per_year=0.1")
"""A refresh is due at any time, and only clear evidence calls a candidate worse."""
SLIGHTLY = 0.1
"""Noise that changes answers, and that no look at a few thousand rows could call worse; a slice may, by chance."""
TRIES = 6


def promote_version_1(site: Site) -> None:
    """Train, promote and confirm version 1 with the default settings, while a model server watches.

    Raises:
        FinalError: It was not promoted.
    """
    with served(site) as watched:
        record = watched.steps(VERSION_1)
    if record.outcome != PROMOTED:
        raise FinalError(
            f"There is no version 1 to rehearse with: its run ended as {record.outcome}. {' '.join(record.reasons)}",
            "Name data that the product takes with --data.",
        )


def judge_a_candidate(site: Site) -> None:
    """Leave a run behind that has judged a candidate, version 1 with a little noise, and would promote it.

    Raises:
        FinalError: The gate took none.
    """
    weights = weights_of_version_1(site)
    for direction in range(TRIES):
        with training_returns(noised(weights, direction=direction, scale=SLIGHTLY)):
            record = site.steps(CANDIDATE, *REFRESH, steps=STEPS[: STEPS.index("promote")])
        if record.artifact("judge").get("promotes"):
            return
    raise FinalError(f"The gate took none of {TRIES} candidates that are as good as version 1.", "")


def weights_of_version_1(site: Site) -> Weights:
    """Return the weights of the network of version 1."""
    return network_weights(site.run(VERSION_1).artifact("train", Model).saved_model)
