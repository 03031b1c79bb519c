"""The tabular engine alone: DuckDB turns the CSV into Parquet and summarises it, as its manual does it.

Run as `python -m benchmarks.baselines.bare_engine FILE PARQUET THREADS`; prints one JSON object with seconds and peak
bytes. What SUMMARIZE leaves out of a profile (most frequent values, histograms, correlations) is not computed.
"""

import json
import sys
import time

import duckdb

from ..harness.peak import peak_bytes


def main() -> None:
    """Convert, summarise, report."""
    source, target, threads = sys.argv[1:4]
    connection = duckdb.connect(config={"threads": int(threads)})
    started = time.perf_counter()
    csv, parquet = (f"'{path}'" for path in (source, target))
    options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    connection.execute(f"COPY (SELECT * FROM read_csv({csv})) TO {parquet} ({options})")  # noqa: S608 - our own paths
    converted = time.perf_counter()
    columns = connection.execute(f"SUMMARIZE SELECT * FROM read_parquet({parquet})").fetchall()  # noqa: S608
    done = time.perf_counter()
    peak = peak_bytes()
    figures = {"columns": len(columns), "convert_seconds": converted - started, "profile_seconds": done - converted}
    sys.stdout.write(json.dumps({**figures, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
