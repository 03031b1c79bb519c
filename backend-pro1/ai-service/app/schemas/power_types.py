"""The catalogue's entry of the planning of samples."""

from .analysis_type import AnalysisType
from .power_parameters import PowerParameters

POWER = (
    AnalysisType(
        "power",
        "Sample size, power or smallest effect",
        "Whichever of `n`, `power` and the effect is absent, from the other two, for t tests, two proportions, one-way "
        "anova, chi-squared and correlation (Cohen 1988). Exact under each test's assumptions, from noncentral "
        "distributions, but for two_proportions: with `baseline` by the pooled score test (Fleiss, Levin and Paik "
        "2003), else by the arcsine of Cohen's h. Effect or standard deviation may come from columns; power at an "
        "observed effect says no more than the p-value does (Hoenig and Heisey 2001).",
        PowerParameters,
        {"method": "two_sample_t", "effect": 0.5, "power": 0.8},
        "low",
    ),
)
