"""Modules that a library imports without need: their code runs when something of them is first used.

TensorFlow, TFDV and TFMA import much that a retraining never calls. What is listed in `UNUSED` is found as always and
stands in `sys.modules` as itself; only its code waits for the first attribute that somebody asks for. After that it is
a module like any other, so nothing can tell the difference but a clock.

This is what `importlib.util.LazyLoader` does, which is of no use here: its modules run at the second `import` of their
name (Python 3.11), and a package runs as soon as one of its submodules is imported.
"""

from __future__ import annotations

import importlib
import importlib.abc
import sys
import threading
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

UNUSED = (
    "IPython",  # Keras edits weights in notebooks; TFDV shows its tables there
    "google.cloud.bigquery",  # a source and a sink of Beam
    "google.cloud.pubsub",  # another
    "nltk",  # TFMA's ROUGE splits sentences and stems words
    "nltk.stem",
    "nltk.stem.porter",
    "scipy.stats",  # TFMA's confidence intervals; scikit-learn, where it is installed, for Keras's wrappers
)

_RUNNING = threading.RLock()


def defer(names: Iterable[str] = UNUSED) -> None:
    """Let the code of these modules wait, wherever they are imported from now on.

    Of a package, name those submodules too that are imported by name at import time. What is imported already, or
    not installed, is as it was.
    """
    sys.meta_path.insert(0, _Finder(frozenset(names)))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._names)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, real: Any, names: frozenset[str]) -> None:
        self.real, self.names = real, names

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.real.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Deferred


class _Deferred(ModuleType):
    """A module whose code has not run. Its name, path and spec are there: submodules can be imported without it."""

    def __getattr__(self, name: str) -> Any:
        with _RUNNING:  # another thread that comes meanwhile waits until all of the code has run
            loader = _waiting(self)
            if loader is not None and f"{self.__name__}.{name}" in loader.names:
                return importlib.import_module(f"{self.__name__}.{name}")
            _run(self)
        return ModuleType.__getattribute__(self, name)


def _waiting(module: ModuleType) -> _Loader | None:
    loader = module.__spec__.loader if module.__spec__ else None
    return loader if isinstance(loader, _Loader) else None


def _run(module: ModuleType) -> None:
    """Run the code of a module that waits, that of its packages first, as an import would have done."""
    package = sys.modules.get(module.__name__.rpartition(".")[0])
    if package is not None:
        _run(package)
    waiting, spec = _waiting(module), module.__spec__
    if waiting is None or spec is None:
        return
    spec.loader = module.__loader__ = waiting.real
    try:
        waiting.real.exec_module(module)
    except BaseException:
        spec.loader = waiting  # the next one who asks is told the same
        raise
    module.__class__ = ModuleType
