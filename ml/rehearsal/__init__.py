"""The rehearsal: faults injected one after the other into a product of its own, and what the product made of each."""
