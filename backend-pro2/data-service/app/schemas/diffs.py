"""What changed between two versions of a dataset."""

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from shared.schemas import ApiModel

from .datasets import ColumnModel

_BEFORE: dict[str, JsonValue] = {"id": 7, "price": 12.5}
_AFTER: dict[str, JsonValue] = {"id": 7, "price": 13.0}
_CHANGED: JsonValue = {"kind": "changed", "before": _BEFORE, "after": _AFTER}
_FIGURES: JsonValue = {"nulls": 0, "distinct": 1460, "mean": 180921.2, "min": 34900, "max": 755000}
_DIFFERENCE: JsonValue = {"nulls": 0, "distinct": 0, "mean": 0.4, "min": 0, "max": 0}


class DifferenceKind(StrEnum):
    """What became of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class TypeChangeModel(ApiModel):
    """A column whose type is another."""

    name: str
    from_type: str
    to_type: str


class DifferingRowModel(ApiModel):
    """A row by column name: `before` in the one version, null if it was added; `after` in the other, null if removed.

    Integers beyond 2**53 - 1 and decimals of more than 15 digits are strings, and so are NaN, Infinity and -Infinity.
    """

    kind: DifferenceKind
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    model_config = ConfigDict(json_schema_extra={"example": _CHANGED})


class SamplesModel(ApiModel):
    """The first rows of each kind; long texts are cut."""

    added: list[DifferingRowModel]
    removed: list[DifferingRowModel]
    changed: list[DifferingRowModel]


class FiguresModel(ApiModel):
    """Figures of a column, from the version's profile."""

    nulls: int | None
    distinct: int | None
    mean: float | None
    min: Any
    max: Any


class StatisticModel(ApiModel):
    """A column that both versions have; `difference` is later less earlier, null where that has no meaning."""

    column: str
    from_: FiguresModel = Field(alias="from")
    to: FiguresModel
    difference: FiguresModel
    approximate: list[str] = Field(description="Figures that are estimates in either version.")


class DiffModel(ApiModel):
    """Version `from` against version `to`; rows_unchanged + rows_removed + rows_changed are the rows of `from`."""

    from_: int = Field(alias="from")
    to: int
    columns_added: list[ColumnModel]
    columns_removed: list[ColumnModel]
    columns_changed: list[TypeChangeModel]
    rows_added: int
    rows_removed: int
    rows_changed: int = Field(description="Zero without a key.")
    rows_unchanged: int
    samples: SamplesModel
    statistics: list[StatisticModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "from": 1,
                "to": 2,
                "columns_added": [{"name": "city", "type": "string"}],
                "columns_removed": [],
                "columns_changed": [{"name": "price", "from_type": "integer", "to_type": "number"}],
                "rows_added": 0,
                "rows_removed": 0,
                "rows_changed": 1,
                "rows_unchanged": 1459,
                "samples": {"added": [], "removed": [], "changed": [_CHANGED]},
                "statistics": [
                    {"column": "price", "from": _FIGURES, "to": _FIGURES, "difference": _DIFFERENCE, "approximate": []}
                ],
            }
        }
    )
