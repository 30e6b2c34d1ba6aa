"""Pure decisions from the ledger: which models are comparable, whose result counts, where a rollback goes."""
