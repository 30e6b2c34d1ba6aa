"""What a person does to versions by hand: going back to an older one, adopting one that the ledger does not know."""
