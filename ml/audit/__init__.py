"""Decisions read back and checked: the ledger's chain, why a version came about, what it was made of, made again."""
