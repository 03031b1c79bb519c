"""The catalogue's entry of experiments."""

from .ab_test_parameters import AbTestParameters
from .analysis_type import AnalysisType

EXPERIMENTS = (
    AnalysisType(
        "ab-test",
        "Experiment with a control",
        "Each variant against the control: difference and relative lift with intervals, p-values adjusted by Holm "
        "(1979), limits that hold for all variants at once by Bonferroni. Binary metrics: pooled z test, interval of "
        "Newcombe (1998), lift by the logarithmic interval of Katz (1978); continuous ones: Welch (1947), lift by "
        "Fieller (1954). Checks the assignment by chi-squared (sample ratio mismatch). `covariate` takes out what was "
        "known before (CUPED; Deng and others 2013); `tau` adds intervals valid at any time (mixture "
        "SPRT; Johari and others 2022). Rows must be the units that were assigned, independent of each other.",
        AbTestParameters,
        {"metric": "converted", "group": "page", "control": "old", "tau": 0.01},
        "low",
    ),
)
