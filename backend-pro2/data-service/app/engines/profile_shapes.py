"""The shape of a profile, as the contract has it."""

from typing import Any, TypedDict

BINS = 20
TOP = 10


class Quantiles(TypedDict):
    """Values below which 5, 25, 50, 75 and 95 % of a column lie, interpolated between neighbours."""

    p05: Any
    p25: Any
    p50: Any
    p75: Any
    p95: Any


class TopValue(TypedDict):
    """A frequent value."""

    value: Any
    count: int


class Histogram(TypedDict):
    """Equal bins from minimum to maximum: one edge more than counts; the last bin holds its upper edge."""

    edges: list[Any]
    counts: list[int]


class ColumnProfile(TypedDict):
    """One column. `count` are the values present; `approximate` names the members that are estimates."""

    name: str
    type: str
    count: int
    nulls: int
    distinct: int
    min: Any
    max: Any
    mean: float | None
    std: float | None
    quantiles: Quantiles | None
    top: list[TopValue]
    histogram: Histogram | None
    approximate: list[str]


class Correlations(TypedDict):
    """Pearson's r of numeric columns over the rows where both are present; null where one is constant."""

    columns: list[str]
    matrix: list[list[float | None]]


class ProfileWarning(TypedDict):
    """Something a reader of the profile should know."""

    code: str
    message: str


class Profile(TypedDict):
    """The statistics of one version of a dataset; `duplicates` are rows equal to an earlier one."""

    rows: int
    columns: list[ColumnProfile]
    correlations: Correlations
    duplicates: int
    warnings: list[ProfileWarning]
