"""The usual way: read the whole CSV into pandas and compute the profile's figures column by column.

Run as `python -m benchmarks.baselines.pandas_profile FILE`; prints one JSON object with seconds and peak bytes.
"""

import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from ..harness.peak import peak_bytes

QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
TOP, BINS = 10, 20
# As large as the one that our profile takes correlations from.
SAMPLE = 200_000
TIMES = ["ordered_on", "paid_at"]


def profile(frame: pd.DataFrame) -> dict[str, Any]:
    """Counts, distinct, extremes, moments, quantiles, frequent values, histograms, correlations, duplicates."""
    sample = frame.sample(min(SAMPLE, len(frame)), random_state=0).select_dtypes("number")
    return {
        "rows": len(frame),
        "columns": [column(frame[name]) for name in frame.columns],
        "correlations": sample.corr().to_numpy().tolist(),
        "rank_correlations": sample.corr("spearman").to_numpy().tolist(),
        "duplicates": int(frame.duplicated().sum()),
    }


def column(values: "pd.Series[Any]") -> dict[str, Any]:
    """The figures of one column."""
    counts = values.value_counts().head(TOP)
    figures: dict[str, Any] = {
        "name": values.name,
        "count": int(values.count()),
        "nulls": int(values.isna().sum()),
        "distinct": int(values.nunique()),
        "top": [(str(value), int(number)) for value, number in counts.items()],
    }
    return figures | (spread(values.dropna()) if values.dtype.kind in "iufM" else texts(values.dropna()))


def texts(present: "pd.Series[Any]") -> dict[str, Any]:
    """What only texts have."""
    lengths = present.str.len()
    return {"min_length": int(lengths.min()), "mean_length": float(lengths.mean()), "max_length": int(lengths.max())}


def spread(present: "pd.Series[Any]") -> dict[str, Any]:
    """What only ordered values have."""
    figures = {
        "min": str(present.min()),
        "max": str(present.max()),
        "mean": str(present.mean()),
        "std": str(present.std()),
    }
    numbers = present.astype("int64") if present.dtype.kind == "M" else present
    if present.dtype.kind != "M":
        figures |= {"skewness": str(present.skew()), "kurtosis": str(present.kurt())}
    return figures | {
        "quantiles": [str(value) for value in present.quantile(QUANTILES)],
        "histogram": [part.tolist() for part in np.histogram(numbers, BINS)],
    }


def main() -> None:
    """Read, profile, report."""
    started = time.perf_counter()
    frame = pd.read_csv(sys.argv[1], parse_dates=TIMES)
    read = time.perf_counter()
    rows = profile(frame)["rows"]
    done = time.perf_counter()
    peak = peak_bytes()
    figures = {"rows": rows, "read_seconds": read - started, "profile_seconds": done - read, "peak_bytes": peak}
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
