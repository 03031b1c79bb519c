"""Files of every accepted format become Parquet: one `read(connection, source, target)` a format."""
