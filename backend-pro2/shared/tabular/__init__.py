"""Tables as every service sees them: DuckDB kept in bounds, quoting, types, values and names."""
