"""Faults that show after a promotion: a version that the gate let through and that does not keep what it promised."""

from __future__ import annotations

import shutil

from ml.artifacts import Model
from ml.pipeline.outcome import PROMOTED, WITHHELD
from ml.pipeline.step_names import STEPS
from ml.probation.item import BREACHED
from ml.probation.probation import check_probation
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.entries import PROBATION
from ml.rehearsal.fact import Fact
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.forged import network_weights, noised, training_returns
from ml.rehearsal.preparation import CANDIDATE, REFRESH, SLIGHTLY, TRIES, weights_of_version_1
from ml.rehearsal.site import MODEL, SERVER_SECONDS, ended, served
from ml.rehearsal.worlds import Worlds
from serving.client.model_client import ModelServer

SOON = "confirm.deadline_seconds=3.0"
"""The server that answers wrongly does not see what is gone back to, and is not waited for."""
AGAIN, OTHER = "again", "other"
OF_OTHER_SETTINGS = "train.seed=7"
"""Only the hold stops a candidate of these: what is made of the same as the bad version is quarantined with it."""


def bad_version(worlds: Worlds) -> list[Fact]:
    """Promote and confirm a candidate; then let the server that serves it answer otherwise."""
    site = worlds.candidate("bad version")
    with served(site) as watched:
        promoted = ended(watched.steps(CANDIDATE, *REFRESH, steps=["promote", "confirm"]), PROMOTED)
    elsewhere = site.root.path / "elsewhere"
    shutil.copytree(site.root.version(MODEL, 1), elsewhere / "2")
    with served(site, elsewhere) as liar:
        ModelServer(liar.url, MODEL).wait_available(2, deadline=SERVER_SECONDS)
        checked = check_probation(site.root, liar.settings(SOON))
    written = any(event["event"] == PROBATION and event["version"] == 2 for event in site.ledger.events())
    found = Fact(f"probation {checked.state}: {checked.reason}", checked.state == BREACHED and written)
    versions = site.ledger.versions()
    restored = versions.get(checked.restored or 0)
    is_first = restored is not None and restored.intent["model_sha256"] == versions[1].intent["model_sha256"]
    back = Fact(f"gone back to the bytes of version 1, as version {checked.restored}", is_first)
    with served(site) as watched:
        return [promoted, found, back, watched.serves(checked.restored or 0)] if is_first else [promoted, found, back]


def rolled_back(worlds: Worlds) -> list[Fact]:
    """Promote a candidate and go back from it; then bring it once more, and another one that is as good."""
    site = worlds.candidate("rolled back")
    bad = network_weights(site.run(CANDIDATE).artifact("train", Model).saved_model)
    up_to_judge = STEPS[: STEPS.index("promote")]
    with training_returns(bad):
        site.steps(AGAIN, *REFRESH, steps=up_to_judge)
    weights, judged = weights_of_version_1(site), site.record(OTHER)
    for direction in range(TRIES, 2 * TRIES):
        with training_returns(noised(weights, direction=direction, scale=SLIGHTLY)):
            judged = site.steps(OTHER, *REFRESH, OF_OTHER_SETTINGS, steps=up_to_judge)
        if judged.artifact("judge").get("promotes"):
            break
    with served(site) as watched:
        promoted = ended(watched.steps(CANDIDATE, *REFRESH, steps=["promote", "confirm"]), PROMOTED)
        back = rollback(site.root, watched.settings(), target=None, reason="The call centre complains.").number
        facts = [promoted, watched.serves(back)]
    quarantined = ended(site.steps(AGAIN, *REFRESH, steps=["promote"]), WITHHELD, "quarantined")
    if not judged.artifact("judge").get("promotes"):
        return [*facts, quarantined, Fact("no other candidate was found that the gate would promote", False)]
    held = ended(site.steps(OTHER, *REFRESH, OF_OTHER_SETTINGS, steps=["promote"]), WITHHELD, "Held until")
    return [*facts, quarantined, held, site.champion(back)]


INTERVENTION_FAULTS = (
    Fault(
        "rolled back",
        "the bad version leaves, its bytes never come back, and nothing is promoted by itself while the hold stands",
        rolled_back,
    ),
    Fault("bad version", "passes the gate, breaks its probation, and version 1 serves without a person", bad_version),
)
