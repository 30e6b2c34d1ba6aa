"""Computes how versions do and keeps it: what the command does, and whoever runs it each day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ml.config.settings import Settings
from ml.errors import FinalError
from ml.feedback.live_performance import live_performance
from ml.feedback.reading import Directories, read_feedback
from ml.feedback.shapley.weeks import with_mean_shapley
from ml.performance.live import LivePerformance
from ml.performance.live_file import read_live_performance, write_live_performance
from ml.storage.root import Root


def update_live_performance(root: Root, settings: Settings, *, now: datetime) -> LivePerformance:
    """Compute how each version does, write `performance.json`, and return it; it may be killed and repeated.

    The numbers are written before the model of the champion is loaded, which takes longer: whatever goes wrong there,
    they are new.

    Raises:
        OSError: A file cannot be read or written.
    """
    try:
        before = read_live_performance(root)
    except FinalError:  # damaged: computed anew as a whole
        before = None
    feedback = read_feedback(Directories.of(root, settings.feedback), model=settings.serving.model)
    found = live_performance(root, settings, feedback, now=now)
    known = {one.version: one for one in before.versions} if before else {}
    versions = [
        replace(one, shapley=known[one.version].shapley, reference_shapley=known[one.version].reference_shapley)
        if one.version in known
        else one
        for one in found.versions
    ]
    write_live_performance(root, replace(found, versions=tuple(versions)))
    for number, one in enumerate(versions):
        if one.is_champion:
            versions[number] = with_mean_shapley(
                root, settings.serving.model, one, feedback.traffic, before=known.get(one.version), now=now
            )
    found = replace(found, versions=tuple(versions))
    write_live_performance(root, found)
    return found
