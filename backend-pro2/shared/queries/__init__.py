"""SQL of clients: checked, run over Parquet files and nothing else, explained where it fails."""
