"""The catalogue of analysis types: one entry each, from which validation and `/analysis/types` both live."""

from collections.abc import Mapping

from .analysis_type import AnalysisType
from .association_types import ASSOCIATION
from .parameters import (
    ClusterParameters,
    CorrelationParameters,
    DescribeParameters,
    RegressionParameters,
)
from .reduce_types import REDUCTION
from .series_types import SERIES
from .strata_types import STRATA
from .survival_types import SURVIVAL
from .tests_types import TESTS

_BASICS = (
    AnalysisType(
        "describe",
        "Describe columns",
        "Counts, missing and distinct values, range, mean, sample standard deviation, quantiles, shape, most frequent "
        "values and a histogram of each column.",
        DescribeParameters,
        {"columns": ["age", "income"]},
        "low",
    ),
    AnalysisType(
        "correlation",
        "Correlation matrix",
        "Pairwise coefficients with two-sided p-values. Missing values are dropped pair by pair; the table `counts` "
        "says how many rows each pair kept.",
        CorrelationParameters,
        {"columns": ["age", "income", "score"], "method": "spearman"},
        "medium",
    ),
    AnalysisType(
        "regression",
        "Linear regression",
        "Ordinary least squares: coefficients with standard errors, t, p and confidence intervals, goodness of fit, "
        "and diagnostics of the assumptions. Rows with a missing value are dropped and counted.",
        RegressionParameters,
        {"method": "ols", "target": "price", "features": ["area", "rooms", "district"]},
        "medium",
    ),
    AnalysisType(
        "cluster",
        "Clusters of similar rows",
        "k-means with standardisation and the mean silhouette; with k auto the number of clusters is searched on the "
        "Ray cluster. Labels of all rows are the artifact `labels.csv`.",
        ClusterParameters,
        {"columns": ["recency", "frequency", "amount"], "k": "auto"},
        "high",
    ),
)

_CATALOGUE = (*_BASICS, *SERIES, *STRATA, *SURVIVAL, *TESTS, *REDUCTION, *ASSOCIATION)

ANALYSIS_TYPES: Mapping[str, AnalysisType] = {entry.name: entry for entry in _CATALOGUE}
