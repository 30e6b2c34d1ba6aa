"""Keeps the right versions of each model loaded: watches, loads before it unloads, and never breaks what works.

Where TensorFlow Serving would stop serving (its newest version cannot be loaded at start, or loads but cannot be
called), this one goes on with the highest version that works; otherwise states and messages are the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from serving.errors import StatusError, invalid
from serving.metrics import ServerMetrics
from serving.models.garbage import settle, unsettle
from serving.models.unloading import Unloading
from serving.models.version import Version
from serving.models.version_source import ModelConfig, versions_on_disk

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadOptions:
    """How versions are watched and loaded.

    Attributes:
        poll_seconds: time between two looks at the disk; 0 or less looks only once.
        retries: how often a failed load is tried again.
        retry_seconds: the time between two tries.
        labels_may_wait: whether a label may name a version that is not available.
        threads: threads TensorFlow may use for one model; 0 lets it choose.
        warm_up_rounds: how often each warm-up request is replayed; 0 for not at all.
    """

    poll_seconds: float = 1.0
    retries: int = 0
    retry_seconds: float = 60.0
    labels_may_wait: bool = False
    threads: int = 0
    warm_up_rounds: int = 1


@dataclass
class _Model:
    config: ModelConfig
    versions: dict[int, Version] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    retries: dict[int, tuple[int, float]] = field(default_factory=dict)
    is_away: bool = False


class Manager:
    """All models of a server. One thread of its own watches and loads; questions may come from any thread.

    Nothing waits for a version that goes: when its number is wanted again meanwhile, it is loaded anew beside it.
    (TensorFlow Serving puts off all changes of that model until it has gone: `ContainsAnyReaspiredVersions` in
    tensorflow_serving/core/aspired_versions_manager.cc.)
    """

    def __init__(self, configs: Sequence[ModelConfig], metrics: ServerMetrics, options: LoadOptions) -> None:
        self._models = {config.name: _Model(config) for config in configs}
        self._metrics = metrics
        self._options = options
        self._unloading = Unloading()
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._awake = False
        self._thread = threading.Thread(target=self._watch, name="serving-manager", daemon=True)
        self.refusal = ""
        """Why the server must not go on, once `wait_looked` has returned; empty when it may."""

    def start(self) -> None:
        """Starts to watch. TensorFlow is imported there, so that the caller can answer meanwhile."""
        self._thread.start()

    def stop(self, *, patience: float) -> bool:
        """Stops watching and frees all models.

        Args:
            patience: how long all of it may take, in seconds.

        Returns:
            False when a load or a call was still going on then.
        """
        deadline = time.monotonic() + patience
        self._stop.set()
        self._thread.join(patience)
        if self._thread.is_alive():
            return False
        versions = [version for model in self._models.values() for version in model.versions.values()]
        loaded = [version for version in versions if version.state == "AVAILABLE"]
        ended = self._unloading.finish(loaded, patience=max(deadline - time.monotonic(), 0.0))
        unsettle()
        return ended

    @property
    def awake(self) -> bool:
        """Whether TensorFlow has been imported and a load was tried."""
        return self._awake

    def wait_looked(self, timeout: float | None = None) -> bool:
        """Waits until the disk was looked at once and what was there was loaded or given up."""
        return self._looked.wait(timeout)

    def statuses(self, name: str, number: int | None = None) -> list[Version]:
        """All versions ever seen of a model, the highest first, or the one asked for.

        Raises:
            StatusError: NOT_FOUND, the model or the version is unknown.
        """
        model = self._models.get(name)
        if number is not None:
            version = model.versions.get(number) if model else None
            if version is None:
                raise StatusError("NOT_FOUND", f"Could not find version {number} of model {name}")
            return [version]
        if model is None:
            raise StatusError("NOT_FOUND", f"Could not find any versions of model {name}")
        return sorted(model.versions.values(), key=lambda version: version.number, reverse=True)

    def acquire(self, name: str, number: int | None = None, label: str | None = None) -> Version:
        """The version that answers a request: the one with the number or the label, else the highest available.

        The caller must `release()` it.

        Raises:
            StatusError: there is none.
        """
        model = self._models.get(name)
        if label is not None:
            labels = model.config.labels if model else {}
            if label not in labels:
                raise invalid(f"Unrecognized servable version label: {label}")
            number = labels[label]
        versions = dict(model.versions) if model else {}
        if number is not None:
            version = versions.get(number)
            if version is not None and version.acquire():
                return version
            raise StatusError("NOT_FOUND", f"Servable not found for request: Specific({name}, {number})")
        for at in sorted(versions, reverse=True):
            if versions[at].acquire():
                return versions[at]
        raise StatusError("NOT_FOUND", f"Servable not found for request: Latest({name})")

    def _watch(self) -> None:
        while True:
            try:
                for model in self._models.values():
                    self._look(model)
                    if not self._looked.is_set():
                        self._check_labels(model)
            except Exception:
                # A watcher that dies would serve the same version for ever without anyone knowing.
                _log.exception("looking for versions failed; trying again at the next poll")
            self._looked.set()
            seconds = self._options.poll_seconds
            if self._stop.wait(seconds if seconds > 0 else None):
                return

    def _look(self, model: _Model) -> None:
        found = versions_on_disk(model.config.base_path)
        if (found is None) != model.is_away:
            model.is_away = found is None
            _log.log(
                logging.WARNING if model.is_away else logging.INFO,
                "%s: the base path %s %s",
                model.config.name,
                model.config.base_path,
                "cannot be read; what is loaded, if anything, stays" if model.is_away else "can be read again",
            )
        if found is None:
            return
        model.failed &= found.keys()  # a number that went away may come back with other content
        model.retries = {number: retry for number, retry in model.retries.items() if number in found}
        while not self._stop.is_set():
            waiting = {number for number, (_, due) in model.retries.items() if due > time.monotonic()}
            wanted = model.config.policy.choose(found.keys() - model.failed - waiting)
            missing = [number for number in sorted(wanted, reverse=True) if not self._is_available(model, number)]
            if not missing:
                break
            self._load(model, missing[0], found[missing[0]])
        else:
            return
        if not wanted and model.config.policy.choose(found):
            return  # what is on disk cannot be served; what is loaded still can
        for number in sorted(model.versions):
            if number not in wanted and self._is_available(model, number):
                self._unloading.begin(model.versions[number])

    def _load(self, model: _Model, number: int, path: Path) -> None:
        from serving.models.loader import bring_up  # imports TensorFlow

        name = model.config.name
        version = Version(name, number, path)
        version.loading()
        # A new dictionary each time: readers on other threads never see it change under them.
        model.versions = {**model.versions, number: version}
        start = time.perf_counter()
        try:
            self._awake = True
            servable, warm_up_seconds = bring_up(
                path,
                model=name,
                number=number,
                threads=self._options.threads,
                warm_up_rounds=self._options.warm_up_rounds,
            )
        except Exception as error:
            self._metrics.load(path, start, succeeded=False)
            if not isinstance(error, StatusError):
                error = StatusError("INTERNAL", f"{type(error).__name__}: {error}")
            self._give_up(model, version, error)
            return
        self._metrics.load(path, start, succeeded=True, warm_up_seconds=warm_up_seconds)
        version.available(servable)
        settle()
        model.retries.pop(number, None)
        _log.info("serving %s version %d from %s", name, number, path)

    def _give_up(self, model: _Model, version: Version, error: StatusError) -> None:
        tries, _ = model.retries.get(version.number, (0, 0.0))
        if tries < self._options.retries:
            model.retries[version.number] = (tries + 1, time.monotonic() + self._options.retry_seconds)
            _log.warning("%s version %d will be tried again: %s", version.model, version.number, error)
            return
        model.failed.add(version.number)
        version.failed(error.code, error.message)
        _log.error("%s version %d cannot be served: %s", version.model, version.number, error)

    def _check_labels(self, model: _Model) -> None:
        for label, number in model.config.labels.items():
            if not self._options.labels_may_wait and not self._is_available(model, number):
                self.refusal = (
                    f"FAILED_PRECONDITION: Request to assign label {label} to version {number} of model "
                    f"{model.config.name}, which is not currently available for inference. Publish that version, "
                    "correct the label, or start with --allow_version_labels_for_unavailable_models."
                )

    @staticmethod
    def _is_available(model: _Model, number: int) -> bool:
        version = model.versions.get(number)
        return version is not None and version.state == "AVAILABLE"
