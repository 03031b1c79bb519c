"""From columns to transactions: which of them have each item, one bit each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.compute import ComputeError

from ..schemas.association_parameters import AssociationParameters
from .frames import IndexArray
from .levels import Levels, finite, read_levels
from .source import Source

VALUES_AT_MOST = 100_000
ITEMS_AT_MOST = 1000
BYTES_AT_MOST = 400_000_000
BitArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Baskets:
    """Items that are frequent enough, in the order of their columns and values.

    `bits` has shape (items, bytes): bit t of a row says whether transaction t has the item.
    `needed` is the least count.
    """

    items: list[str]
    bits: BitArray
    transactions: int
    needed: int


def fill_baskets(source: Source, parameters: AssociationParameters) -> Baskets:
    """Read the columns one by one.

    Raises:
        ComputeError: `too_few_rows`, `too_many_levels`, or the faults of `Source.require`.
    """
    source.require(parameters.uses())
    ids, transactions = _transactions(source, parameters.transaction)
    if transactions < 2:
        raise ComputeError("too_few_rows", f"There are {transactions} transactions, but rules need at least 2.")
    # Of 0.07 * 100 rounding makes a little more than 7.
    needed = max(1, math.ceil(parameters.min_support * transactions - 1e-9))
    alone = parameters.transaction is not None and len(parameters.columns) == 1
    width = (transactions + 7) // 8
    items: list[str] = []
    rows: list[BitArray] = []
    for column in parameters.columns:
        levels = read_levels(source, column, VALUES_AT_MOST)
        flag = source.types[column] == "boolean"
        for level, held in _held(levels, ids, transactions, needed):
            if flag and level == "false":
                continue
            items.append(column if flag else level if alone else f"{column}={level}")
            rows.append(held)
            _refuse_many(len(items), width)
    return Baskets(items, np.array(rows, dtype=np.uint8).reshape(len(rows), width), transactions, needed)


def _transactions(source: Source, name: str | None) -> tuple[IndexArray, int]:
    """Shape (rows,): which transaction each row belongs to, -1 for none; and how many there are."""
    if name is None:
        return np.arange(source.rows), source.rows
    encoded = finite(source.column(name)).combine_chunks().dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(indices, dtype=np.intp), len(encoded.dictionary)


def _held(levels: Levels, ids: IndexArray, transactions: int, needed: int) -> Iterator[tuple[str, BitArray]]:
    """Each level that enough transactions have, with their bits; a repeated item counts once."""
    known = np.flatnonzero((levels.codes >= 0) & (ids >= 0))
    codes = levels.codes[known]
    ends = np.cumsum(np.bincount(codes, minlength=len(levels.names)))
    members = ids[known[np.argsort(codes, kind="stable")]]
    for name, start, end in zip(levels.names, [0, *ends], ends, strict=False):
        if end - start < needed:
            continue
        mask = np.zeros(transactions, dtype=np.bool_)
        mask[members[start:end]] = True
        if mask.sum() >= needed:
            yield name, np.packbits(mask)


def _refuse_many(items: int, width: int) -> None:
    most = min(ITEMS_AT_MOST, BYTES_AT_MOST // width)
    if items > most:
        detail = f"More than {most} items have the support asked for"
        raise ComputeError("too_many_levels", f"{detail}. Raise `min_support`, or name fewer columns.")
