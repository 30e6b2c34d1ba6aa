"""All faults, in the order in which they are injected."""

from __future__ import annotations

from ml.rehearsal.faults.data_faults import DATA_FAULTS
from ml.rehearsal.faults.gate_faults import FIRST_VERSION, GATE_FAULTS
from ml.rehearsal.faults.intervention_faults import INTERVENTION_FAULTS
from ml.rehearsal.faults.machine_faults import MACHINE_FAULTS
from ml.rehearsal.faults.registry_faults import REGISTRY_FAULTS

IN_ORDER = (
    *(FIRST_VERSION, *DATA_FAULTS, *GATE_FAULTS),
    *(*INTERVENTION_FAULTS, *REGISTRY_FAULTS, *MACHINE_FAULTS),
)
ALL_FAULTS = {fault.name: fault for fault in IN_ORDER}
"""Each fault by its name. The first injects nothing: without it every refusal would be worth nothing."""
