"""The columns of a version, read one by one, so that memory holds what is computed on and no more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shared.compute import ComputeError

from ..schemas.columns import ColumnUse, first_fault

FloatArray = npt.NDArray[np.float64]
TextArray = npt.NDArray[np.object_]
# Digits of a decimal column that leave room for its differences.
WIDEST = 75


class Source:
    """A Parquet file.

    Raises (all methods):
        ComputeError: a column is absent (`column_not_found`) or of a wrong type (`not_numeric`).
    """

    def __init__(self, path: Path) -> None:
        # Not read_table: it would take `key=value` folders of the path for columns.
        self._file = pq.ParquetFile(path, memory_map=True, pre_buffer=False)
        schema = self._file.schema_arrow
        self.types = {field.name: type_name(field.type) for field in schema}
        self.rows: int = self._file.metadata.num_rows

    @property
    def names(self) -> list[str]:
        """All columns, in the file's order."""
        return list(self.types)

    def of_types(self, types: Iterable[str]) -> list[str]:
        """Names of the columns whose type is one of `types`, in the file's order."""
        accepted = set(types)
        return [name for name, found in self.types.items() if found in accepted]

    def require(self, uses: Sequence[ColumnUse]) -> None:
        """Check that these columns are there and fit."""
        fault = first_fault(uses, self.types)
        if fault is not None:
            raise ComputeError(fault.code, fault.detail)

    def column(self, name: str) -> pa.ChunkedArray:
        """The column as Arrow holds it; dictionaries are unfolded, nested values become JSON texts."""
        self.require([ColumnUse(name, "columns")])
        array = self._read(name)
        if pa.types.is_nested(array.type):
            texts = [None if value is None else json.dumps(value, default=str) for value in array.to_pylist()]
            return pa.chunked_array([pa.array(texts, pa.string())])
        return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array

    def _read(self, name: str) -> pa.ChunkedArray:
        # Reading "a" also brings "a.b", since Parquet names nested fields so; the wanted one is taken by name.
        # Without threads, which have nothing to share at one column and take longer to start than most columns to read.
        return self._file.read(columns=[name], use_threads=False).column(name)

    def numbers(self, name: str) -> FloatArray:
        """Shape (rows,); missing values are NaN, booleans 0 and 1."""
        array = self.column(name)
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.int8())
        return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)

    def deviations(self, name: str) -> FloatArray | None:
        """Shape (rows,): a decimal column less its first value, subtracted before it is rounded; None of other types.

        A large part common to all values then costs no digits, which in doubles it does before anybody can subtract it.
        """
        array = self.column(name)
        if not pa.types.is_decimal(array.type) or array.null_count == len(array):
            return None
        wide = array.cast(pa.decimal256(min(array.type.precision + 1, WIDEST), array.type.scale))
        near = pc.subtract(wide, wide.drop_null()[0])
        return np.asarray(near.cast(pa.float64()).to_numpy(), dtype=np.float64)

    def texts(self, name: str) -> TextArray:
        """Shape (rows,); missing values are None."""
        array = self.column(name).cast(pa.string())
        return np.asarray(array.to_numpy(), dtype=np.object_)


def type_name(data_type: pa.DataType) -> str:
    """Our name of an Arrow type, the same as in a version's schema."""
    checks: tuple[tuple[str, Any], ...] = (
        ("boolean", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("number", lambda kind: pa.types.is_floating(kind) or pa.types.is_decimal(kind)),
        ("datetime", pa.types.is_timestamp),
        ("date", pa.types.is_date),
        ("json", pa.types.is_nested),
    )
    if pa.types.is_dictionary(data_type):
        return type_name(data_type.value_type)
    return next((name for name, check in checks if check(data_type)), "string")


def is_missing(array: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Shape (rows,): nulls and NaN."""
    return np.asarray(pc.is_null(array, nan_is_null=True).to_numpy(), dtype=np.bool_)
