"""The evaluation rows: read from Parquet batch by batch, scored so too, and kept in flat arrays."""
