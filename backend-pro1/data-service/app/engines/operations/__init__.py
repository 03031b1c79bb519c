"""The operations of a pipeline, grouped by theme; none of these modules loads DuckDB."""
