"""The registry of versions: the ledger, promotion and its proof, going back, and what is kept."""
