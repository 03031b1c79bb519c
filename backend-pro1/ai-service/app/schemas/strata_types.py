"""The catalogue's entry of stratified tables."""

from .analysis_type import AnalysisType
from .strata_parameters import StratifiedParameters

STRATA = (
    AnalysisType(
        "stratified",
        "Odds ratio within strata",
        "Mantel-Haenszel odds ratio of a two-level exposure and outcome over strata, with the interval of Robins, "
        "Breslow and Greenland (Biometrics 42, 1986), the Cochran-Mantel-Haenszel test of no association (Mantel and "
        "Haenszel, JNCI 22, 1959), and the Breslow-Day test of equal odds ratios with Tarone's correction (Biometrika "
        "72, 1985). Rows are independent; the one odds ratio is meant for all strata. Warns where strata turn the "
        "direction around (Simpson). Rows with a missing value are dropped and counted.",
        StratifiedParameters,
        {"exposure": "smoker", "outcome": "disease", "strata": ["age_group"], "exposed": "yes", "event": "yes"},
        "low",
    ),
)
