"""What makes two sets of evaluation rows the same, and two candidates retrainings of one recipe."""

from __future__ import annotations

from ml.config.settings import Settings, TransformSettings
from ml.data.features import FEATURES
from ml.storage.files import sha256_json

PROFILE = 1
"""The version of what `ml.training.split` hashes to decide who is an evaluation row."""


def holdout_sha256(settings: TransformSettings) -> str:
    """Return the hash of all that decides which customers are evaluation rows, whatever the data of the day are.

    A model that was trained with another one has seen some of today's evaluation rows.
    """
    return sha256_json([PROFILE, list(FEATURES), settings.salt, settings.eval_share])


def recipe_sha256(settings: Settings) -> str:
    """Return the hash of the settings by which a model is made, without the seed: chance is no other recipe."""
    tree = settings.as_dict()
    train = {name: value for name, value in tree["train"].items() if name != "seed"}
    return sha256_json([tree["target"], train])
