"""The catalogue's entry of dimension reduction."""

from .analysis_type import AnalysisType
from .reduce_parameters import ReduceParameters

REDUCTION = (
    AnalysisType(
        "reduce",
        "Few columns in place of many",
        "Principal components (Jolliffe, Principal Component Analysis, 2002) by singular values, with the share of "
        "variance each explains and its loadings, or a t-SNE map (van der Maaten and Hinton, JMLR 9, 2008) of at most "
        "3000 rows. Components see linear relations only, and outliers pull them; of a t-SNE map only neighbourhoods "
        "mean something. Scores of all rows are the artifact `scores.csv`. Rows with a missing value are left out.",
        ReduceParameters,
        {"columns": ["sepal_length", "sepal_width", "petal_length", "petal_width"], "method": "pca", "n": 2},
        "medium",
    ),
)
