"""The eight steps, and what each one needs of a run. Heavy modules load inside the step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ml.artifacts import Accepted, Dataset, Evaluation, Examples, Model
from ml.config.settings import TrainSettings
from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.errors import UNCHANGED, NothingToDoError
from ml.pipeline.fingerprint import run_fingerprint
from ml.pipeline.identity import begin_for, source_kind
from ml.pipeline.judgement.stand_in import recipe_of_stand_in, stand_in
from ml.pipeline.outcome import OUTCOME_OF_EVENT
from ml.pipeline.promotion_steps import confirm, promote
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.registry.champion import verified_champion
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.last_result import last_result
from ml.registry.policy.provenance import SAMPLE, difference, refuse_sample
from ml.registry.recovery import recover_if_reachable
from ml.registry.references.opponents import opponents
from ml.storage.artifact import Artifact

log = logging.getLogger(__name__)
Result = dict[str, Any]


def ingest(run: Run, result: Result) -> None:
    """Obtain the data; skip the run when data, schema, settings and code are those of the last result."""
    from ml.beam.left_over import settle_others
    from ml.data.ingest import ingest
    from ml.data.shards.source_files import source_files
    from ml.registry.retention import clean_up
    from ml.registry.version_directories import require_known

    require_known(run.root, run.settings.serving.model)
    recover_if_reachable(run.root, run.settings)
    ledger = Ledger(run.root.ledger)
    champion = ledger.champion()
    run.freeze_settings()
    run.freeze_schema()
    begin_for(run)
    settle_others(run.root.runs, run.directory, run.settings.beam)
    clean_up(run.root, run.settings, current_run=run.id)
    files = source_files(run.settings.data.source, run.root)
    joins = run.settings.feedback.join_training

    def work(out: Path) -> Artifact:
        dataset = ingest(run.settings.data, root=run.root, out=out, beam=run.settings.beam)
        return _with_outcomes(run, dataset) if joins else dataset

    # A local file may change between two tries; of all else, outcomes among it, a retry of this run keeps what it has.
    inputs = run.settings.as_dict()["data"] | {"file": files.sha256 if files else None}
    if champion is not None and (day := erasure_of(run.root, str(champion.intent.get("data_sha256", "")))):
        log.info("the data of version %d: %s", champion.number, erased_sentence(day))
    result |= run.make_artifact("ingest", work, inputs=inputs | ({"join_training": True} if joins else {}))
    if source_kind(run) == SAMPLE:
        refuse_sample(champion, accepted=run.settings.judge.accept_incomparable)
    fingerprint = run_fingerprint(run.artifact("ingest", Dataset).sha256, run.settings, run.schema.sha256)
    last = last_result(
        ledger.events(),
        champion=champion.number if champion else None,
        promotion_is_on=run.settings.promote.enabled,
        is_held=ledger.hold() is not None,
        approval=run.settings.gate.approval,
    )
    if last and fingerprint == last.fingerprint and not run.force:
        verified_champion(run.root, run.settings.serving.model)  # "nothing new" must not hide that it is lost
        raise NothingToDoError(
            UNCHANGED,
            f"Nothing new: data, schema, settings and code are those of run {last.run_id}, the last that came to a "
            f"result ({OUTCOME_OF_EVENT[last.event]}, {last.at}). Force the run to repeat it.",
        )


def _with_outcomes(run: Run, dataset: Dataset) -> Dataset:
    from ml.feedback.reading import Directories
    from ml.feedback.training.joining import join_outcomes

    return join_outcomes(
        dataset,
        Directories.of(run.root, run.settings.feedback),
        model=run.settings.serving.model,
        target="/".join(run.settings.target.positive_segments),
        schema=run.schema,
    )


def validate(run: Run, result: Result) -> None:
    """Compute statistics, check schema and drift, and end the run when an anomaly blocks."""
    dataset = run.artifact("ingest", Dataset)
    champion = verified_champion(run.root, run.settings.serving.model)
    if champion and (other := difference(source_kind(run), champion.source_kind)):
        log.info("drift is not measured: version %d cannot be compared, %s", champion.number, other)
        champion = None

    def work(out: Path) -> Artifact:
        from ml.validation.validate import validate

        return validate(
            dataset,
            schema=run.schema,
            settings=run.settings.validate,
            target=run.settings.target,
            champion_statistics=champion.statistics if champion and champion.statistics.exists() else None,
            out=out,
            run_id=run.id,
            beam=run.settings.beam,
        )

    inputs = run.inputs("validate", "target", ingest=dataset, schema=run.schema)
    inputs |= {"champion": champion.number if champion else None}
    result |= run.make_artifact("validate", work, inputs=inputs)


def transform(run: Run, result: Result) -> None:
    """Split the rows, fit the encoding on train, and write the examples."""
    run.artifact("ingest", Dataset)  # whose file is read again
    accepted = run.artifact("validate", Accepted)

    def work(out: Path) -> Artifact:
        from ml.training.transform import transform

        return transform(
            accepted,
            schema=run.schema,
            settings=run.settings.transform,
            target=run.settings.target,
            out=out,
            beam=run.settings.beam,
        )

    inputs = run.inputs("transform", "target", validate=accepted, schema=run.schema)
    result |= run.make_artifact("transform", work, inputs=inputs)


def train(run: Run, result: Result) -> None:
    """Fit the network and export it with its preprocessing."""
    examples = run.artifact("transform", Examples)
    of_sample = source_kind(run) == SAMPLE
    recipe = recipe_of_stand_in(run)

    def fit(settings: TrainSettings, out: Path) -> Model:
        from ml.training.train import train

        return train(
            examples,
            settings=settings,
            target=run.settings.target,
            replay_rows=run.settings.promote.replay_rows,
            of_sample=of_sample,
            out=out,
        )

    def work(out: Path) -> Artifact:
        model = fit(run.settings.train, out)
        if recipe is None:
            return model
        log.info("the champion was trained with another split: its recipe is trained on today's training side, too")
        (out / "stand_in").mkdir()
        return replace(model, stand_in_sha256=fit(recipe, out / "stand_in").sha256)

    inputs = run.inputs("train", "target", transform=examples) | {"of_sample": of_sample}
    result |= run.make_artifact("train", work, inputs=inputs | ({"stand_in": asdict(recipe)} if recipe else {}))


def evaluate(run: Run, result: Result) -> None:
    """Score candidate and champion on the same rows."""
    examples = run.artifact("transform", Examples)
    model = run.artifact("train", Model)
    kind = source_kind(run)
    # What another run left pending is settled first; its own version this run finds again in promote.
    recover_if_reachable(run.root, run.settings, but=(run.id, model.sha256))
    compared = opponents(run.root, run.settings, stand_in=stand_in(run, model))

    def work(out: Path) -> Artifact:
        from ml.evaluation.evaluate import evaluate

        return evaluate(
            examples,
            model,
            opponents=compared,
            scores_directory=run.root.scores,
            schema=run.schema,
            settings=run.settings.evaluate,
            target=run.settings.target,
            source_kind=kind,
            out=out,
            beam=run.settings.beam,
        )

    inputs = run.inputs("evaluate", "target", transform=examples, train=model, schema=run.schema)
    inputs |= {"source_kind": kind}
    result |= run.make_artifact("evaluate", work, inputs=inputs | compared.identity())


def judge(run: Run, result: Result) -> None:
    """Decide whether the candidate is promoted, and log every reason."""
    evaluation = run.artifact("evaluate", Evaluation)

    def work(out: Path) -> Artifact:
        from ml.gate.reason import CONTEXT
        from ml.pipeline.judgement.verdict import reach_verdict

        verdict = reach_verdict(run, evaluation, out)
        for reason in verdict.reasons:
            word = "note" if reason["code"] in CONTEXT else verdict.decision.upper()
            log.info("%s: %s", word, reason["sentence"])
        return verdict

    result |= run.make_artifact("judge", work, inputs=run.inputs("judge", "gate", "target", evaluate=evaluation))


Step = Callable[[Run, Result], None]
STEP_FUNCTIONS: Mapping[str, Step] = dict(
    zip(STEPS, (ingest, validate, transform, train, evaluate, judge, promote, confirm), strict=True)
)


def run_step(name: str, run: Run) -> Result:
    """Run the step `name` and return its result record, which is also written whatever happens (`Run.recording`).

    Raises:
        RetrainError: The step raised it.
    """
    with run.recording(name, begins=name == STEPS[0]) as result:
        STEP_FUNCTIONS[name](run, result)
    return result
