"""Inject faults one after the other, and look what the product makes of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from ml.rehearsal.fact import Fact, Line
from ml.rehearsal.faults.fault import Fault
from ml.rehearsal.worlds import Worlds

log = logging.getLogger("ml.rehearsal")


def rehearse(faults: Iterable[Fault], worlds: Worlds, *, tell: Callable[[str], None]) -> Iterator[Line]:
    """Yield a line for each fault. `tell` is told when a fault begins, and how it ended after how many seconds.

    An error that the rehearsal did not expect is a fact that is wrong, and the next fault has its turn.
    """
    for fault in faults:
        tell(f"{fault.name} ...")
        log.info("fault: %s", fault.name)
        began = time.monotonic()
        try:
            facts = fault.inject(worlds)
        except Exception as error:
            log.exception("the rehearsal of %r failed", fault.name)
            facts = [Fact(f"{type(error).__name__}: {error}", False)]
        line = Line(fault.name, fault.should, tuple(_here(fact, worlds) for fact in facts), time.monotonic() - began)
        tell(f"{fault.name}: {'as it should be' if line.ok else 'WRONG'} ({line.seconds:.1f} s)")
        yield line


def _here(fact: Fact, worlds: Worlds) -> Fact:
    """Return the fact with paths from the directory of the rehearsal on."""
    return Fact(fact.text.replace(f"{worlds.directory}/", ""), fact.ok)
