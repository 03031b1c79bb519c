"""The catalogue's entry of times to an event."""

from .analysis_type import AnalysisType
from .survival_parameters import SurvivalParameters

SURVIVAL = (
    AnalysisType(
        "survival",
        "Time to an event",
        "Kaplan-Meier curves (JASA 53, 1958) with Greenwood's standard errors, the log-rank test of equal curves "
        "(Mantel, 1966) with observed and expected events, and with `features` a Cox model (JRSS B 34, 1972) with "
        "hazard ratios. Censoring must tell nothing of the time that would have followed; the Cox model assumes hazard "
        "ratios that stay the same, which Schoenfeld residuals test. Rows with a missing value are left out.",
        SurvivalParameters,
        {"time": "months", "event": "churned", "group": "plan", "features": ["age", "plan"]},
        "medium",
    ),
)
