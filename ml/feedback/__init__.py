"""What happened after the predictions, from the files that the gateway wrote: rows that were scored, and outcomes."""
