"""Faults of candidates: none better, worse, and each a little worse than the one before."""

from __future__ import annotations

from ml.pipeline.outcome import KEPT, PROMOTED, REJECTED
from ml.rehearsal.fact import Fact
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.faults.slide import aged, planned_slide
from ml.rehearsal.forged import noised, training_returns
from ml.rehearsal.preparation import REFRESH, VERSION_1, weights_of_version_1
from ml.rehearsal.site import ended, served
from ml.rehearsal.worlds import Worlds

OTHER_SEEDS = (77, 78)
FAR = 1.5
"""Noise that costs some points of AUC."""
NO_BAR = (
    "judge.at_least.AUC=0.5",
    "judge.at_least.BinaryAccuracy=0.1",
    "judge.at_least.Precision=0.0",
    "judge.at_least.Recall=0.0",
)
"""Thresholds that everybody reaches, so that the paired tests alone are asked."""
DAYS_BETWEEN = 29


def first_version(worlds: Worlds) -> list[Fact]:
    """Inject nothing: without this line every refusal below would be worth nothing."""
    site = worlds.first("none")
    with served(site) as watched:
        return [ended(watched.record(VERSION_1), PROMOTED, "All thresholds are reached"), watched.serves(1)]


def equal_models(worlds: Worlds) -> list[Fact]:
    """Train the same data with another seed. One such pair in fifty looks better by luck, so a second one is tried."""
    site = worlds.first("equal models")
    for seed in OTHER_SEEDS:
        record = site.steps(f"seed-{seed}", f"train.seed={seed}", "promote.enabled=false")
        if record.outcome in (KEPT, REJECTED):
            break
    return [ended(record, KEPT if record.outcome == KEPT else REJECTED), site.champion(1)]


def worse_model(worlds: Worlds) -> list[Fact]:
    """Let training return a network with much noise on its weights, and lower the thresholds out of its way."""
    site = worlds.first("worse model")
    with training_returns(noised(weights_of_version_1(site), direction=0, scale=FAR)):
        record = site.steps("worse", *NO_BAR, *REFRESH)
    return [ended(record, REJECTED, "worse"), site.champion(1)]


def slow_slide(worlds: Worlds) -> list[Fact]:
    """Every 29 days a refresh that nobody can call worse than the last, until it is too far below the anchor."""
    site = worlds.first("slow slide")
    weights, slide = weights_of_version_1(site), planned_slide(site, *REFRESH, *NO_BAR)
    facts = []
    with served(site) as watched:
        for step, scale in enumerate(slide.scales, start=1):
            aged(site.ledger, days=DAYS_BETWEEN)
            with training_returns(noised(weights, direction=slide.direction, scale=scale)):
                record = watched.steps(f"slide-{step}", *REFRESH, *NO_BAR)
            if step == len(slide.scales):
                facts.append(ended(record, KEPT, "below_anchor"))
            else:
                facts.append(Fact(f"refresh {step} {record.outcome}", record.outcome == PROMOTED))
        return [*facts, watched.serves(len(slide.scales))]


FIRST_VERSION = Fault("none", "a first version is promoted and answers right", first_version)
GATE_FAULTS = (
    Fault("equal models", "kept (rejected if luck ran against it), never promoted", equal_models),
    Fault("worse model", "rejected as worse by the paired tests; version 1 stays", worse_model),
    Fault("slow slide", "small losses pass as refreshes until the anchor stops them", slow_slide),
)
