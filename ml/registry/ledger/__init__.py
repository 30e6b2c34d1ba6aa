"""The ledger: the append-only record of every version and decision, its entries, and the chain of its lines."""
