"""The catalogue's entry of the scan of a whole dataset."""

from .analysis_type import AnalysisType
from .auto_parameters import AutoParameters

AUTO = (
    AnalysisType(
        "auto",
        "Findings in a dataset",
        "Tests pairs of columns by their types: numbers by Spearman's rank correlation, numbers between groups by "
        "Mann and Whitney or Kruskal and Wallis, categories by Pearson's chi-squared or Fisher's exact test, numbers "
        "over time, and whether the absence of values goes with other columns. All rest on ranks or counts, so no "
        "normality is needed; rows must be independent. P-values become q-values (Benjamini and Hochberg 1995, or "
        "Benjamini and Yekutieli 2001). Table `findings` has what is left, ranked by the limit of the effect's "
        "interval that is nearer to none, then by q; facts about single columns (constant, empty, identifiers, copies, "
        "outliers, skew) follow, which are no hypotheses. Table `hypotheses` has every test.",
        AutoParameters,
        {"target": "survived", "alpha": 0.05},
        "high",
    ),
)
