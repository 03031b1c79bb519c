"""Columns that number or name rows, and so tell nothing of them."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS_AT_LEAST = 20
TEXTS_DISTINCT = 0.95
NUMBERS_DISTINCT = 0.99
# A random sample of numbers without gaps reaches nearly from the first to the last.
SPAN_OF_SAMPLE = 0.9
# A free text is distinct in each row too; identifiers are short.
ID_LENGTH = 64
_NAMED_SO = re.compile(r"(^|[\s_.-])(id|ids|key|uuid|guid|index|idx|no|nr|rowid|serial)$", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z0-9](Id|ID|Key|Uuid|UUID)$")


def id_reason(name: str, array: pa.ChunkedArray, total: int | None = None) -> str | None:
    """Why the column looks like an identifier of rows, as part of a sentence; None if it does not.

    Texts: nearly all distinct, short, and without spaces in most. Whole numbers: all distinct, and either gapless or
    named like an identifier. Fewer than 20 values tell nothing. `total` is given where `array` is a sample of so many.
    """
    kept = array.drop_null()
    if len(kept) < ROWS_AT_LEAST:
        return None
    share = int(pc.count_distinct(kept).as_py()) / len(kept)
    if pa.types.is_integer(array.type):
        return _number_reason(name, kept, share, total)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return _text_reason(kept, share)
    return None


def named_like_id(name: str) -> bool:
    """Whether the name itself says so."""
    return bool(_NAMED_SO.search(name) or _CAMEL.search(name))


def _number_reason(name: str, kept: pa.ChunkedArray, share: float, total: int | None) -> str | None:
    if share == 1:
        extremes = pc.min_max(kept).as_py()
        span, rows = extremes["max"] - extremes["min"] + 1, total or len(kept)
        if SPAN_OF_SAMPLE * rows <= span <= rows if total else span == rows:
            return "its values count the rows without a gap"
    if share >= NUMBERS_DISTINCT and named_like_id(name):
        return f"its name says so and {share:.0%} of its values are distinct"
    return None


def _text_reason(kept: pa.ChunkedArray, share: float) -> str | None:
    if share < TEXTS_DISTINCT:
        return None
    lengths = np.asarray(pc.utf8_length(kept).to_numpy(), dtype=np.float64)
    spaced = float(np.mean(np.asarray(pc.match_substring(kept, " ").to_numpy(), dtype=np.float64)))
    if float(np.median(lengths)) > ID_LENGTH or spaced > 0.5:
        return None
    return f"{share:.0%} of its texts are distinct"
