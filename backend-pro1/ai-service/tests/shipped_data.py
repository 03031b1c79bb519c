"""Real data sets that ship with scikit-learn's tests: penguins (344 rows) and the full Titanic (1,309 rows)."""

import csv
import gzip
from pathlib import Path

import sklearn

FOLDER = Path(sklearn.__file__).parent / "datasets" / "tests" / "data" / "openml"
PENGUINS = "id_42585/data-v1-dl-21854866.arff.gz"
TITANIC = "id_40945/data-v1-dl-16826755.arff.gz"


def load(path: str) -> dict[str, list[object]]:
    """Columns of an ARFF file: whole numbers, numbers, or texts; what is missing is None."""
    text = gzip.decompress((FOLDER / path).read_bytes()).decode()
    head, _, body = text.partition("\n@DATA" if "\n@DATA" in text else "\n@data")
    names = [line.split()[1].strip("'\"") for line in head.splitlines() if line.lower().startswith("@attribute")]
    lines = [line for line in body.splitlines() if line.strip()]
    quote = "'" if path == PENGUINS else '"'
    rows = list(csv.reader(lines, quotechar=quote, escapechar="\\", skipinitialspace=True))
    return {name: _typed([row[i].strip() for row in rows]) for i, name in enumerate(names)}


def _typed(texts: list[str]) -> list[object]:
    kept = [None if text == "?" else text for text in texts]
    for kind in (int, float):
        try:
            return [None if text is None else kind(text) for text in kept]
        except ValueError:
            continue
    return [None if text is None else text.strip('"') for text in kept]
