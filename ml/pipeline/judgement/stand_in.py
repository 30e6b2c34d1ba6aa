"""The stand-in: the champion's recipe, trained on today's training side when its own split was another one.

The champion itself has seen some of today's evaluation rows, so that nothing can be compared with it. The stand-in is
never published.
"""

from __future__ import annotations

from typing import Any

from ml.artifacts import Model
from ml.config.settings import Settings, TrainSettings
from ml.config.typed_tree import build
from ml.errors import FinalError, SettingsError
from ml.pipeline.run import Run
from ml.registry.champion import Champion, verified_champion
from ml.registry.ledger.ledger import Ledger
from ml.registry.references.opponents import earlier_stand_in, was_trained_on_another_split
from ml.registry.references.reference_models import ReferenceModel


def recipe_of_stand_in(run: Run) -> TrainSettings | None:
    """Return the settings by which a stand-in has to be trained in this run; None when none is needed or possible.

    None is possible when the champion was made by an older code, which did not record its recipe, or when it predicts
    something else.
    """
    champion = verified_champion(run.root, run.settings.serving.model)
    if champion is None:
        return None
    version = Ledger(run.root.ledger).versions()[champion.number]
    if not was_trained_on_another_split(run.root, version, run.settings):
        return None
    if earlier_stand_in(run.root, version, run.settings) is not None:
        return None
    return _recorded_recipe(champion, run.settings)


def stand_in(run: Run, model: Model) -> ReferenceModel | None:
    """Return the stand-in of this run or, where an earlier run trained one, that one."""
    champion = Ledger(run.root.ledger).champion()
    if champion is None or not was_trained_on_another_split(run.root, champion, run.settings):
        return None
    if model.stand_in_sha256:
        return ReferenceModel(f"the stand-in of version {champion.number}", model.stand_in_sha256, model.stand_in)
    return earlier_stand_in(run.root, champion, run.settings)


def _recorded_recipe(champion: Champion, settings: Settings) -> TrainSettings | None:
    try:
        record = champion.release_record()
        recorded: Any = record["settings"]
        target = settings.target
        if record["target"] != {"column": target.column, "positive_segments": list(target.positive_segments)}:
            return None
        return build(TrainSettings, recorded["train"], "train")
    except (FinalError, SettingsError, OSError, KeyError, TypeError):
        return None
