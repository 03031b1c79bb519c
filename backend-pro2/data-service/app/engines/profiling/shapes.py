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


class Pattern(TypedDict):
    """A form that texts have: A for capitals, a for other letters, 9 for digits, each for a run of them."""

    pattern: str
    count: int


class TextProfile(TypedDict):
    """Texts: lengths in characters, how many are empty or begin or end with a space, and their usual forms."""

    min_length: int
    mean_length: float
    max_length: int
    empty: int
    whitespace: int
    patterns: list[Pattern]


Gap = TypedDict("Gap", {"from": Any, "to": Any})
"""Neighbouring moments with an unusually long time between them."""


class TimeProfile(TypedDict):
    """Moments: seconds from the first to the last, and the steps between neighbouring distinct ones."""

    range_seconds: float
    median_step: float | None
    regular: bool | None
    gaps: list[Gap]


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
    skewness: float | None
    kurtosis: float | None
    zeros: int | None
    negatives: int | None
    quantiles: Quantiles | None
    top: list[TopValue]
    histogram: Histogram | None
    text: TextProfile | None
    time: TimeProfile | None
    approximate: list[str]


class Matrix(TypedDict):
    """A symmetric matrix over these columns; null where a coefficient is not defined."""

    columns: list[str]
    matrix: list[list[float | None]]


class Correlations(TypedDict):
    """Pearson's r of numeric columns; Spearman's of the same; Cramér's V of columns with few values."""

    columns: list[str]
    matrix: list[list[float | None]]
    spearman: Matrix
    cramers_v: Matrix


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
    approximate: list[str]
    warnings: list[ProfileWarning]
