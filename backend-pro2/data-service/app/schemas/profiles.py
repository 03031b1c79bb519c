"""The profile of a version."""

from typing import Any

from pydantic import ConfigDict, Field

from shared.schemas import ApiModel


class QuantilesModel(ApiModel):
    """Interpolated between neighbours; of dates, the lower neighbour."""

    p05: Any
    p25: Any
    p50: Any
    p75: Any
    p95: Any


class TopValueModel(ApiModel):
    """A frequent value."""

    value: Any
    count: int


class HistogramModel(ApiModel):
    """Equal bins from minimum to maximum: one edge more than counts."""

    edges: list[Any]
    counts: list[int]


class ColumnProfileModel(ApiModel):
    """Statistics of one column; `std` is the sample standard deviation, `approximate` names what is an estimate."""

    name: str
    type: str
    count: int = Field(description="Values present.")
    nulls: int
    distinct: int
    min: Any
    max: Any
    mean: float | None
    std: float | None
    quantiles: QuantilesModel | None
    top: list[TopValueModel]
    histogram: HistogramModel | None
    approximate: list[str]


class CorrelationsModel(ApiModel):
    """Pearson's r over the rows where both columns are present; null where one is constant."""

    columns: list[str]
    matrix: list[list[float | None]]


class ProfileWarningModel(ApiModel):
    """Something to know before trusting a column."""

    code: str
    message: str


class ProfileModel(ApiModel):
    """Exact up to two million rows; beyond that, members named in a column's `approximate` are estimates."""

    rows: int
    columns: list[ColumnProfileModel]
    correlations: CorrelationsModel
    duplicates: int = Field(description="Rows equal to an earlier one.")
    warnings: list[ProfileWarningModel]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "rows": 4,
                "columns": [
                    {
                        "name": "price",
                        "type": "integer",
                        "count": 4,
                        "nulls": 0,
                        "distinct": 4,
                        "min": 1,
                        "max": 4,
                        "mean": 2.5,
                        "std": 1.2909944487358056,
                        "quantiles": {"p05": 1.15, "p25": 1.75, "p50": 2.5, "p75": 3.25, "p95": 3.85},
                        "top": [{"value": 1, "count": 1}],
                        "histogram": {"edges": [1, 4], "counts": [4]},
                        "approximate": [],
                    }
                ],
                "correlations": {"columns": ["price"], "matrix": [[1.0]]},
                "duplicates": 0,
                "warnings": [],
            }
        }
    )
