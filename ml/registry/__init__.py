"""The registry of versions: the ledger, promotion and its checks, rollback, recovery and retention."""
