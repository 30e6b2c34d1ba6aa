"""Data that come as shards, compressed, or as Parquet: which files they are, and the one plain CSV made of them."""
