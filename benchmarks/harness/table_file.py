"""A large CSV that looks like trade records: twelve columns, skewed and missing values, the same bytes each time."""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from .paths import SCRATCH, scratch

SEED = 20_231_106
BLOCK_ROWS = 500_000
MISSING = 0.02
COUNTRIES = np.array(
    [
        "US",
        "DE",
        "FR",
        "GB",
        "IT",
        "ES",
        "PL",
        "NL",
        "SE",
        "NO",
        "DK",
        "FI",
        "PT",
        "GR",
        "CZ",
        "AT",
        "CH",
        "BE",
        "IE",
        "HU",
        "RO",
        "BG",
        "HR",
        "SK",
        "SI",
        "LT",
        "LV",
        "EE",
        "LU",
        "MT",
    ]
)
CATEGORIES = np.array(
    ["books", "garden, home", "electronics", "toys", "grocery", "fashion", "sport", "music", "cars", "beauty"]
)
FIRST_DAY = np.datetime64("2020-01-01", "D")
FIRST_SECOND = np.datetime64("2024-01-01T00:00:00", "s")

Values = npt.NDArray[np.generic]


def csv_of(rows: int) -> Path:
    """A file of `rows` rows (about 100 bytes each), made once and kept in the scratch directory."""
    path = scratch(f"orders_{rows}.csv")
    if not path.exists():
        _write(path, rows)
    return path


def _write(path: Path, rows: int) -> None:
    part = path.with_suffix(".part")
    generator = np.random.default_rng(SEED)
    blocks = (_block(generator, first, min(BLOCK_ROWS, rows - first)) for first in range(0, rows, BLOCK_ROWS))
    first = next(blocks)
    with pa.csv.CSVWriter(part, first.schema) as writer:
        writer.write_table(first)
        for block in blocks:
            writer.write_table(block)
    part.rename(path)


def _block(generator: np.random.Generator, first: int, rows: int) -> pa.Table:
    columns: dict[str, Values] = {
        "customer": generator.zipf(1.3, rows).clip(max=2_000_000),
        "quantity": generator.poisson(3, rows),
        "price": generator.lognormal(3, 1.2, rows).round(2),
        "margin": generator.normal(0, 1, rows).round(5),
        "latitude": generator.uniform(-90, 90, rows).round(5),
        "country": COUNTRIES[generator.zipf(1.5, rows) % len(COUNTRIES)],
        "category": CATEGORIES[generator.integers(0, len(CATEGORIES), rows)],
        "sku": np.char.add("S", generator.integers(100_000, 150_000, rows).astype("U6")),
        "reference": np.char.add("r", generator.integers(2**36, 2**40, rows).astype("U13")),
        "ordered_on": FIRST_DAY + generator.integers(0, 2000, rows),
        "paid_at": FIRST_SECOND + generator.integers(0, 60_000_000, rows),
    }
    arrays = {name: pa.array(values, mask=generator.random(rows) < MISSING) for name, values in columns.items()}
    return pa.table({"order": np.arange(first, first + rows), **arrays})


if __name__ == "__main__":
    sys.stdout.write(f"{csv_of(int(sys.argv[1])).relative_to(SCRATCH)}\n")
