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


class PatternModel(ApiModel):
    """A form that texts have: A for capitals, a for other letters, 9 for digits, each sign for a run of them."""

    pattern: str
    count: int


class TextProfileModel(ApiModel):
    """Texts: lengths in characters, and their usual forms (of their first 60 characters)."""

    min_length: int
    mean_length: float
    max_length: int
    empty: int = Field(description="Texts without a character.")
    whitespace: int = Field(description="Texts that begin or end with a space.")
    patterns: list[PatternModel]


class GapModel(ApiModel):
    """Neighbouring moments more than three median steps apart."""

    from_: Any = Field(alias="from")
    to: Any


class TimeProfileModel(ApiModel):
    """Dates and moments; steps lie between neighbouring distinct ones, null where these are too many to sort."""

    range_seconds: float
    median_step: float | None = Field(description="Seconds.")
    regular: bool | None = Field(description="Whether all steps are equal.")
    gaps: list[GapModel] = Field(description="The longest five.")


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
    skewness: float | None = Field(default=None, description="G1 of Joanes and Gill (1998), as pandas has it.")
    kurtosis: float | None = Field(default=None, description="Excess, G2 of Joanes and Gill (1998), as pandas has it.")
    zeros: int | None = None
    negatives: int | None = None
    quantiles: QuantilesModel | None
    top: list[TopValueModel]
    histogram: HistogramModel | None
    text: TextProfileModel | None = None
    time: TimeProfileModel | None = None
    approximate: list[str]


class MatrixModel(ApiModel):
    """A symmetric matrix; null where a coefficient is not defined."""

    columns: list[str]
    matrix: list[list[float | None]]


class CorrelationsModel(MatrixModel):
    """Pearson's r over the rows where both columns are present; null where one is constant."""

    spearman: MatrixModel = Field(
        default=MatrixModel(columns=[], matrix=[]), description="Spearman's rho of the same columns, ties averaged."
    )
    cramers_v: MatrixModel = Field(
        default=MatrixModel(columns=[], matrix=[]),
        description="Cramér's V of texts and booleans with at most 50 values, bias corrected (Bergsma 2013).",
    )


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
    approximate: list[str] = Field(default=[], description="Members of the profile itself that are estimates.")
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
                        "skewness": 0.0,
                        "kurtosis": -1.2,
                        "zeros": 0,
                        "negatives": 0,
                        "quantiles": {"p05": 1.15, "p25": 1.75, "p50": 2.5, "p75": 3.25, "p95": 3.85},
                        "top": [{"value": 1, "count": 1}],
                        "histogram": {"edges": [1, 4], "counts": [4]},
                        "text": None,
                        "time": None,
                        "approximate": [],
                    }
                ],
                "correlations": {
                    "columns": ["price"],
                    "matrix": [[1.0]],
                    "spearman": {"columns": ["price"], "matrix": [[1.0]]},
                    "cramers_v": {"columns": [], "matrix": []},
                },
                "duplicates": 0,
                "approximate": [],
                "warnings": [],
            }
        }
    )
