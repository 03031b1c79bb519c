"""The catalogue's entry of regressions."""

from .analysis_type import AnalysisType
from .regression_parameters import RegressionParameters

REGRESSION = (
    AnalysisType(
        "regression",
        "Regression",
        "Coefficients with standard errors, tests and intervals, goodness of fit, and diagnostics of the "
        "assumptions. ols, wls: least squares (linear, independent rows, equal variance or one inverse to the "
        "weights), by orthogonal factors, in extended precision where the data is small; standard errors also after"
        " White (1980) and MacKinnon and White (1985). robust: M-estimation after Huber (1964), scale by the MAD. "
        "quantile: Koenker and Bassett (1978), standard errors by a kernel. ridge: Hoerl and Kennard (1970); lasso:"
        " Tibshirani (1996); both on standardised features, without standard errors. logistic, poisson, glm: "
        "generalised linear models (Nelder and Wedderburn 1972; independent rows, the right family and link), with "
        "a check of separation. Rows with a missing value are dropped and counted.",
        RegressionParameters,
        {"method": "ols", "target": "price", "features": ["area", "rooms", "district"]},
        "medium",
    ),
)
