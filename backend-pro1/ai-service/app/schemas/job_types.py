"""The catalogue of distributed jobs: one entry each, from which validation and `/tasks/jobs` both live."""

from collections.abc import Mapping

from .analysis_type import AnalysisType
from .job_parameters import (
    BootstrapParameters,
    PermutationParameters,
    PredictionParameters,
    ProfileParameters,
    SearchParameters,
)

_DATASET = "01890a5d-b3a1-7c52-8a6f-3f0f6f1f2d11"
_CATALOGUE = (
    AnalysisType(
        "partitioned-profile",
        "Profile of data of any size",
        "Counts, missing and distinct values, range, moments, quantiles, most frequent values and a histogram of each "
        "column, from sketches of the dataset's partitions that are merged; memory is bounded by some columns of one. "
        "Members that are estimates are named in `approximate`.",
        ProfileParameters,
        {"columns": ["age", "income"]},
        "medium",
    ),
    AnalysisType(
        "batch-prediction",
        "Predictions for every row",
        "Fits a model and predicts every row of the dataset, partition by partition. The file `predictions.parquet` "
        "has the columns `row`, `prediction` and, for a classification, the probability of each class.",
        PredictionParameters,
        {"train": {"dataset_id": _DATASET, "target": "price", "problem": "regression", "algorithm": "boosting"}},
        "high",
    ),
    AnalysisType(
        "bootstrap",
        "Bootstrap confidence interval",
        "Percentile and BCa intervals (Efron 1987) of a mean, median, standard deviation, correlation or difference in "
        "means. The same seed gives the same bits on any number of processors.",
        BootstrapParameters,
        {"column": "income", "statistic": "median", "resamples": 5000, "method": "bca"},
        "medium",
    ),
    AnalysisType(
        "permutation",
        "Permutation test",
        "p = (b + 1) / (m + 1) over random permutations (Phipson and Smyth 2010) of a difference in means or medians, "
        "a correlation, or F. The same seed gives the same bits on any number of processors.",
        PermutationParameters,
        {"column": "income", "group": "treated", "statistic": "difference_in_means", "permutations": 9999},
        "medium",
    ),
    AnalysisType(
        "model-search",
        "Search for the best model",
        "Compares families of models with small grids by cross-validation, beside a baseline that looks at no feature. "
        "The summary's `winner` says all that is needed to fit the best one again.",
        SearchParameters,
        {"target": "churned", "problem": "classification", "folds": 5, "budget_seconds": 120},
        "high",
    ),
)

JOB_TYPES: Mapping[str, AnalysisType] = {entry.name: entry for entry in _CATALOGUE}
