"""NIST's Statistical Reference Datasets as they lie in `reference/`: data as texts, and certified values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).with_name("reference")
FILES = ("univariate", "anova", "regression")
# Sets whose values share so many leading digits that doubles hold too little of the rest.
LEADING_DIGITS = frozenset({"NumAcc3", "NumAcc4", "AtmWtAg", *(f"SmLs0{number}" for number in range(4, 10))})
DECIMAL = pa.decimal128(30, 12)


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """One data set; `columns` holds Arrow arrays, `certified` the published values as they are printed.

    `exact` says that its numbers are decimals, as the source prints them, and not the doubles next to those.
    """

    name: str
    kind: str
    columns: Mapping[str, pa.Array]
    certified: Mapping[str, str]
    exact: bool
    degree: int = 1
    intercept: bool = True

    def write(self, path: Path) -> str:
        """A Parquet file of the columns; its SHA-256."""
        pq.write_table(pa.table(dict(self.columns)), path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


def reference_sets() -> Iterator[ReferenceSet]:
    """All sets; those of many leading digits in doubles first, then in decimals."""
    for kind in FILES:
        for entry in _read(kind)["sets"]:
            yield _made(kind, entry, exact=False)
            if entry["name"] in LEADING_DIGITS:
                yield _made(kind, entry, exact=True)


def fingerprint() -> str:
    """SHA-256 of all files, which stands for the data in a manifest."""
    content = b"".join((FOLDER / f"{kind}.json").read_bytes() for kind in FILES)
    return hashlib.sha256(content).hexdigest()


def sources() -> list[str]:
    """Where the sets come from."""
    return [_read(kind)["source"] for kind in FILES]


@cache
def _read(kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return content


def _made(kind: str, entry: Mapping[str, Any], *, exact: bool) -> ReferenceSet:
    made = {"univariate": _univariate, "anova": _anova, "regression": _regression}[kind]
    name = f"{entry['name']} (decimals)" if exact else entry["name"]
    more = {member: entry[member] for member in ("degree", "intercept") if member in entry}
    return ReferenceSet(name, kind, made(entry, exact), entry["certified"], exact, **more)


def _univariate(entry: Mapping[str, Any], exact: bool) -> dict[str, pa.Array]:
    return {"y": _numbers(_texts(entry["values"]), exact)}


def _anova(entry: Mapping[str, Any], exact: bool) -> dict[str, pa.Array]:
    groups = {name: _texts(values) for name, values in entry["groups"].items()}
    names = [name for name, texts in groups.items() for _ in texts]
    texts = [text for texts in groups.values() for text in texts]
    return {"treatment": pa.array(names), "y": _numbers(texts, exact)}


def _regression(entry: Mapping[str, Any], exact: bool) -> dict[str, pa.Array]:
    return {name: _numbers(texts.split(), exact) for name, texts in entry["columns"].items()}


def _texts(values: Mapping[str, Any]) -> list[str]:
    if "digits" in values:
        return list(values["digits"])
    if "values" in values:
        return str(values["values"]).split()
    return [values["first"], *(values["then"] * values["times"])]


def _numbers(texts: list[str], exact: bool) -> pa.Array:
    if exact:
        return pa.array([Decimal(text) for text in texts], DECIMAL)
    return pa.array([float(text) for text in texts], pa.float64())
