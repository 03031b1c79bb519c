"""Steps over Parquet files: checked, previewed, or run into the content of a version."""
