"""What happened, on disk: rows that were predicted or scored, and outcomes of customers."""
