"""The catalogue's entries of hypothesis tests and analysis of variance."""

from .analysis_type import AnalysisType
from .tests_parameters import AnovaParameters, HypothesisTestParameters

TESTS = (
    AnalysisType(
        "hypothesis-test",
        "Hypothesis test",
        "Means: one_sample_t, two_sample_t (equal variances), welch_t, paired_t (Student 1908, Welch 1947; normal "
        "values or large samples). Ranks: mann_whitney (1947), wilcoxon (1945; symmetric differences). Distributions: "
        "ks (Kolmogorov-Smirnov, two samples), shapiro (Shapiro and Wilk 1965, normality), levene (Brown and Forsythe "
        "1974, equal variances). Counts: chi_square (Pearson 1900, expected counts of 5), fisher (1935, two by two), "
        "proportion (score test of one proportion, or of the difference of two). Rows are independent in all of them. "
        "Each gives an effect size with its interval and checks its assumptions. Missing values are dropped and "
        "counted.",
        HypothesisTestParameters,
        {"method": "welch_t", "column": "price", "group": "district", "groups": ["North", "South"]},
        "medium",
    ),
    AnalysisType(
        "anova",
        "Analysis of variance",
        "one_way: Fisher's F with eta squared and Tukey-Kramer comparisons of all pairs; two_way: two factors and "
        "their interaction, type II (independent rows, normal residuals, equal variances; Fisher 1925, Kramer 1956). "
        "kruskal: Kruskal and Wallis (1952) by ranks with Dunn's comparisons (1964), adjusted by Holm. Missing values "
        "are dropped and counted.",
        AnovaParameters,
        {"method": "one_way", "column": "price", "group": "district"},
        "medium",
    ),
)
