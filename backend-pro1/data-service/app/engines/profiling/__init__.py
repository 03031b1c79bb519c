"""The profile of a Parquet file."""
