"""The contract's column types and the DuckDB types behind them."""

from typing import TypedDict

INTEGER, NUMBER, BOOLEAN, DATETIME, DATE, STRING, JSON = (
    "integer",
    "number",
    "boolean",
    "datetime",
    "date",
    "string",
    "json",
)
NUMERIC = frozenset({INTEGER, NUMBER})
TEMPORAL = frozenset({DATETIME, DATE})

_BY_DUCK_TYPE = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BIGNUM"), INTEGER),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), NUMBER),
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"),
        DATETIME,
    ),
}


class ColumnSchema(TypedDict):
    """A column as the API shows it."""

    name: str
    type: str


def contract_type(duck_type: str) -> str:
    """The contract's type of a DuckDB type: nested ones are `json`, whatever else is `string`."""
    if duck_type.startswith("DECIMAL"):
        return NUMBER
    if duck_type.endswith("]") or duck_type.startswith(("STRUCT", "MAP", "UNION", "VARIANT")) or duck_type == "JSON":
        return JSON
    return _BY_DUCK_TYPE.get(duck_type, STRING)
