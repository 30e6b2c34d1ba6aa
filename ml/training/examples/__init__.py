"""What transform makes: counts of all rows, the rows of a shard, and the two Parquet files."""
