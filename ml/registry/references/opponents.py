"""Everything that a candidate is compared with, found in the ledger and asked of the model server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ml.config.settings import Settings
from ml.errors import FinalError
from ml.registry.champion import CURE, Champion, champion_of, damage_of, verified_champion
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.references.ancestry import anchor_model_of, anchor_of, original_of
from ml.registry.references.baseline import baseline_of, served_version
from ml.registry.references.holdout import holdout_sha256
from ml.registry.references.model_store import quarantined_model, stored_model
from ml.registry.references.reference_models import ReferenceModel, reference_models
from ml.storage.files import json_object, sha256_tree
from ml.storage.root import Root


@dataclass(frozen=True)
class Opponents:
    """What a candidate is compared with.

    Attributes:
        champion: The last confirmed version of the ledger; None before the first.
        baseline: The version that is compared with, usually the champion; of a stand-in, the champion with another
            SavedModel. None before the first.
        name: The baseline in sentences.
        served: The version that the model server answers with; None when it is not known.
        note: A sentence about the baseline for the verdict, or "".
        references: Models that were found equal to the baseline, the latest first.
        anchor: The last version that was promoted as better, or the first.
        stand_in: The hash of a stand-in for a champion of another split; "" when the baseline is a version.
        other_split: Why the baseline cannot be compared on today's evaluation rows, as the end of a sentence; "" when
            it can.
        gone_back_from: The quarantined version from which a hold came, with the place of its SavedModel: a candidate
            that is better than it ends the hold. It is neither reference nor anchor. None without a hold, or when its
            files are gone or it was trained with another split.
    """

    champion: int | None = None
    baseline: Champion | None = None
    name: str = ""
    served: int | None = None
    note: str = ""
    references: tuple[ReferenceModel, ...] = ()
    anchor: ReferenceModel | None = None
    stand_in: str = ""
    other_split: str = ""
    gone_back_from: Champion | None = None

    def identity(self) -> dict[str, Any]:
        """Return JSON values that change whenever an evaluation beside these opponents would."""
        hashes = [model.model_sha256 for model in (*self.references, *([self.anchor] if self.anchor else []))]
        baseline = [self.baseline.number, self.baseline.model_sha256] if self.baseline else None
        found = {"champion": self.champion, "baseline": baseline, "served": self.served, "compared": hashes}
        return found | ({"gone_back_from": self.gone_back_from.model_sha256} if self.gone_back_from else {})


def opponents(root: Root, settings: Settings, *, stand_in: ReferenceModel | None = None) -> Opponents:
    """Find what a candidate of these settings is compared with. The model server is asked once.

    Args:
        root: Where versions and the ledger are.
        settings: `serving`, `transform` and `gate` are used.
        stand_in: The champion's recipe, trained on today's training side, if its own split was another one.

    Raises:
        FinalError: The files of the champion or of the baseline are gone or were changed.
    """
    model = settings.serving.model
    champion = verified_champion(root, model)
    if champion is None:
        return Opponents()
    versions = Ledger(root.ledger).versions()
    served, unknown = served_version(root, settings)
    found = baseline_of(versions[champion.number], versions, served, unknown)
    version = found.version or versions[champion.number]
    baseline = champion if version.number == champion.number else _whole(champion_of(root, model, version))
    holdout = holdout_sha256(settings.transform)
    name = f"version {baseline.number}"
    unrecorded = "" if _split_is_recorded(root, version) else f"With which split {name} was trained is not recorded."
    note = f"{found.note} {unrecorded}".strip()
    common: dict[str, Any] = {"champion": champion.number, "served": served, "note": note}
    common |= {"gone_back_from": _gone_back_from(root, settings)}
    if not was_trained_on_another_split(root, version, settings):
        equal = reference_models(root, model, version, holdout=holdout, most=settings.gate.references - 1)
        anchor = _anchor(root, model, version)
        return Opponents(**common, baseline=baseline, name=name, references=tuple(equal), anchor=anchor)
    if stand_in is None or version.number != champion.number:
        other = "it was trained with another split, and saw rows of today's evaluation side"
        return Opponents(**common, baseline=baseline, name=name, other_split=other)
    note = f"{note} {name.capitalize()} was trained with another split: its recipe was trained again.".strip()
    equal = reference_models(root, model, version, holdout=holdout, most=settings.gate.references - 1)
    return Opponents(
        **common | {"note": note},
        baseline=replace(baseline, model_sha256=stand_in.model_sha256, saved_model=stand_in.saved_model),
        name=f"the stand-in of {name} on the new split",
        references=tuple(one for one in equal if one.model_sha256 != stand_in.model_sha256),
        anchor=stand_in,
        stand_in=stand_in.model_sha256,
    )


def was_trained_on_another_split(root: Root, version: Version, settings: Settings) -> bool:
    """Whether a version may have been trained on some of today's evaluation rows.

    A version of an older code names no split: its run's settings do, as long as they are kept. Without them today's
    split is taken for its own.
    """
    if holdout := _recorded_holdout(root, version):
        return bool(holdout != holdout_sha256(settings.transform))
    frozen = _frozen_transform(root, version)
    ours = settings.transform
    return bool(frozen) and (frozen.get("salt"), frozen.get("eval_share")) != (ours.salt, ours.eval_share)


def earlier_stand_in(root: Root, version: Version, settings: Settings) -> ReferenceModel | None:
    """Return the stand-in of a version that an earlier run trained on today's split, if its files are kept."""
    holdout = holdout_sha256(settings.transform)
    for event in reversed(Ledger(root.ledger).events()):
        of_this = event.get("champion") == version.number and event.get("holdout") == holdout
        sha256 = event.get("stand_in") if of_this else None
        if sha256 and sha256_tree(stored_model(root, sha256)) == sha256:
            return ReferenceModel(f"the stand-in of version {version.number}", sha256, stored_model(root, sha256))
    return None


def _gone_back_from(root: Root, settings: Settings) -> Champion | None:
    """Return the version from which the hold came that stands, if it can be compared and its files lie anywhere."""
    ledger, model = Ledger(root.ledger), settings.serving.model
    hold = ledger.hold()
    version = ledger.versions().get(hold.version) if hold else None
    if version is None or was_trained_on_another_split(root, version, settings):
        return None
    place = quarantined_model(root, model, version)
    return replace(champion_of(root, model, version), saved_model=place) if place else None


def _anchor(root: Root, model: str, version: Version) -> ReferenceModel | None:
    """Return the anchor of a version, or None when its files are no longer kept."""
    versions = Ledger(root.ledger).versions()
    if sha256 := anchor_model_of(version, versions):
        stored = stored_model(root, sha256)
        return ReferenceModel("a stand-in", sha256, stored) if sha256_tree(stored) == sha256 else None
    anchor = anchor_of(version, versions)
    place = root.version(model, anchor.number)
    found = ReferenceModel(f"version {anchor.number}", str(anchor.intent["model_sha256"]), place, anchor.number)
    return found if place.is_dir() else None


def _whole(champion: Champion) -> Champion:
    lost = damage_of(champion)
    if lost:
        raise FinalError(f"Version {champion.number} is what the model server answers with, but {lost}.", CURE)
    return champion


def _split_is_recorded(root: Root, version: Version) -> bool:
    return bool(_recorded_holdout(root, version) or _frozen_transform(root, version))


def _recorded_holdout(root: Root, version: Version) -> str:
    """Return what the ledger says, or the release record, which an adopted version may have brought along."""
    if holdout := version.intent.get("holdout"):
        return str(holdout)
    record = json_object(root.release(version.number) / "release.json")
    return str(record.get("holdout") or "")


def _frozen_transform(root: Root, version: Version) -> dict[str, Any]:
    """Return the section `transform` of the settings of the run that made the bytes of a version."""
    original = original_of(version, Ledger(root.ledger).versions())
    try:
        settings = json_object(root.run(original.run_id) / "settings.json")
    except FinalError:  # an id that cannot be a directory's name
        return {}
    transform = settings.get("transform")
    return transform if isinstance(transform, dict) else {}
