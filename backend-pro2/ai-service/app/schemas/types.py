"""The catalogue of analysis types: one entry each, from which validation and `/analysis/types` both live."""

from collections.abc import Mapping

from .ab_test_types import EXPERIMENTS
from .analysis_type import AnalysisType
from .association_types import ASSOCIATION
from .auto_types import AUTO
from .cluster_types import CLUSTERS
from .parameters import CorrelationParameters, DescribeParameters
from .power_types import POWER
from .reduce_types import REDUCTION
from .regression_types import REGRESSION
from .series_types import SERIES
from .strata_types import STRATA
from .survival_types import SURVIVAL
from .tests_types import TESTS
from .text_types import TEXTS

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
        "Pairwise coefficients with two-sided p-values and intervals: pearson (Fisher 1921; linear, near normal), "
        "spearman (Bonett and Wright 2000), kendall (tau-b; Fieller 1957), partial (Fisher 1924; the controls enter "
        "linearly), cramers_v (Cramér 1946, by Pearson's chi-squared; also without bias, Bergsma 2013). Rows are "
        "independent. Missing values are dropped pair by pair; the table `counts` says how many rows each pair kept.",
        CorrelationParameters,
        {"columns": ["age", "income", "score"], "method": "spearman"},
        "medium",
    ),
)

_CATALOGUE = (
    *_BASICS,
    *CLUSTERS,
    *REGRESSION,
    *SERIES,
    *STRATA,
    *SURVIVAL,
    *TESTS,
    *REDUCTION,
    *ASSOCIATION,
    *AUTO,
    *POWER,
    *EXPERIMENTS,
    *TEXTS,
)

ANALYSIS_TYPES: Mapping[str, AnalysisType] = {entry.name: entry for entry in _CATALOGUE}
