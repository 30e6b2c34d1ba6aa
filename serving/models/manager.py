"""Keeps the aspired versions of each model loaded: a new version is loaded before the one it replaces is unloaded.

Where TensorFlow Serving would stop serving (the newest version cannot be loaded at the start, or loads but cannot be
called), this manager serves the highest version that works. Apart from that, states and messages are the same.
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
from serving.models.garbage_collection import collect_and_freeze, unfreeze
from serving.models.load_options import LoadOptions
from serving.models.signatures import SAMPLE_SIGNATURE
from serving.models.unloading import Unloader
from serving.models.version import Version
from serving.models.version_source import ModelConfig, versions_on_disk

_log = logging.getLogger(__name__)


@dataclass
class _Model:
    config: ModelConfig
    versions: dict[int, Version] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    retries: dict[int, tuple[int, float]] = field(default_factory=dict)
    base_path_missing: bool = False


class Manager:
    """All models of a server. A thread of its own polls and loads; the methods may be called from any thread.

    Nothing waits for a version that is being unloaded: if its number is aspired again meanwhile, the version is loaded
    a second time beside it. (TensorFlow Serving postpones every change of that model until the version has gone:
    `ContainsAnyReaspiredVersions` in tensorflow_serving/core/aspired_versions_manager.cc.)

    Args:
        configs: The models.
        metrics: Where loads are counted.
        options: How versions are polled and loaded.
    """

    def __init__(self, configs: Sequence[ModelConfig], metrics: ServerMetrics, options: LoadOptions) -> None:
        self._models = {config.name: _Model(config) for config in configs}
        self._metrics = metrics
        self._options = options
        self._unloader = Unloader()
        self._stop = threading.Event()
        self._polled = threading.Event()
        self._awake = False
        self._thread = threading.Thread(target=self._poll_until_stopped, name="serving-manager", daemon=True)
        self.start_error = ""
        """Why the server must not start, known once `wait_first_poll` has returned; empty when it may start."""

    def start(self) -> None:
        """Starts the thread that polls. TensorFlow is imported there, so that the caller can answer meanwhile."""
        self._thread.start()

    def stop(self, *, timeout: float) -> bool:
        """Stops polling and unloads all models.

        Args:
            timeout: The time for all of it together, in seconds.

        Returns:
            Whether everything ended in time; False when a load or a call was still running.
        """
        deadline = time.monotonic() + timeout
        self._stop.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        versions = [version for model in self._models.values() for version in model.versions.values()]
        loaded = [version for version in versions if version.state == "AVAILABLE"]
        ended = self._unloader.finish(loaded, timeout=max(deadline - time.monotonic(), 0.0))
        unfreeze()
        return ended

    @property
    def awake(self) -> bool:
        """Whether a load was begun, for which TensorFlow is imported."""
        return self._awake

    def wait_first_poll(self, timeout: float | None = None) -> bool:
        """Waits until what the first poll found is loaded or has failed; returns whether that is so."""
        return self._polled.wait(timeout)

    def statuses(self, name: str, number: int | None = None) -> list[Version]:
        """All versions of a model that were ever seen, the highest first, or only the one with a number.

        Raises:
            StatusError: NOT_FOUND: the model or the version is unknown.
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

        The caller must call its `release`.

        Raises:
            StatusError: There is no such version, or it is not available; or the label is unknown.
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

    def _poll_until_stopped(self) -> None:
        while True:
            try:
                for model in self._models.values():
                    self._poll(model)
                    if not self._polled.is_set():
                        self._check_labels(model)
            except Exception:
                # If this thread died, the same version would be served for ever without anyone knowing.
                _log.exception("polling for versions failed; trying again at the next poll")
            self._polled.set()
            seconds = self._options.poll_seconds
            if self._stop.wait(seconds if seconds > 0 else None):
                return

    def _poll(self, model: _Model) -> None:
        found = versions_on_disk(model.config.base_path)
        if (found is None) != model.base_path_missing:
            model.base_path_missing = found is None
            _log.log(
                logging.WARNING if model.base_path_missing else logging.INFO,
                "%s: the base path %s %s",
                model.config.name,
                model.config.base_path,
                "cannot be read; loaded versions stay" if model.base_path_missing else "can be read again",
            )
        if found is None:
            return
        model.failed &= found.keys()  # a number that was removed may come back with other content
        model.retries = {number: retry for number, retry in model.retries.items() if number in found}
        while not self._stop.is_set():
            waiting = {number for number, (_, due) in model.retries.items() if due > time.monotonic()}
            aspired = model.config.policy.aspired(found.keys() - model.failed - waiting)
            missing = [number for number in sorted(aspired, reverse=True) if not self._is_available(model, number)]
            if not missing:
                break
            self._load(model, missing[0], found[missing[0]])
        else:
            return
        if not aspired and model.config.policy.aspired(found):
            return  # no version on disk can be served, so the loaded ones stay
        for number in sorted(model.versions):
            if number not in aspired and self._is_available(model, number):
                self._unloader.unload(model.versions[number])

    def _load(self, model: _Model, number: int, path: Path) -> None:
        from serving.models.loader import load_servable  # imports TensorFlow

        name = model.config.name
        version = Version(name, number, path)
        version.mark_loading()
        # A new dictionary each time: readers on other threads never see it change under them.
        model.versions = {**model.versions, number: version}
        start = time.perf_counter()
        try:
            self._awake = True
            servable, warm_up_seconds = load_servable(
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
        version.mark_available(servable)
        collect_and_freeze()
        model.retries.pop(number, None)
        _log.info("serving %s version %d from %s", name, number, path)
        if SAMPLE_SIGNATURE in servable.signatures:
            _log.warning("%s version %d is a SAMPLE: it was trained on made-up customers", name, number)

    def _give_up(self, model: _Model, version: Version, error: StatusError) -> None:
        tries, _ = model.retries.get(version.number, (0, 0.0))
        if tries < self._options.max_load_retries:
            model.retries[version.number] = (tries + 1, time.monotonic() + self._options.load_retry_seconds)
            _log.warning("%s version %d will be tried again: %s", version.model, version.number, error)
            return
        model.failed.add(version.number)
        version.mark_failed(error.code, error.message)
        _log.error("%s version %d cannot be served: %s", version.model, version.number, error)

    def _check_labels(self, model: _Model) -> None:
        for label, number in model.config.labels.items():
            if not self._options.labels_for_unavailable_versions and not self._is_available(model, number):
                self.start_error = (
                    f"FAILED_PRECONDITION: Request to assign label {label} to version {number} of model "
                    f"{model.config.name}, which is not currently available for inference. Publish that version, "
                    "correct the label, or start with --allow_version_labels_for_unavailable_models."
                )

    @staticmethod
    def _is_available(model: _Model, number: int) -> bool:
        version = model.versions.get(number)
        return version is not None and version.state == "AVAILABLE"
