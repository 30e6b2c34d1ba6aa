"""What the ledger and the runs tell about versions and candidates, as the pages show it."""
