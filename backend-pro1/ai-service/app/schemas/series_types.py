"""The analyses of series in the catalogue."""

from .analysis_type import AnalysisType
from .series_parameters import AnomalyParameters, ChangepointParameters, ForecastParameters, TimeseriesParameters

SERIES = (
    AnalysisType(
        "timeseries",
        "Nature of a series",
        "stationarity: augmented Dickey-Fuller (MacKinnon's p-values) and KPSS (1992), and what both say; acf: "
        "autocorrelations with Bartlett's bands, partial ones, and Ljung and Box's test; decomposition: trend, "
        "season and rest by STL (Cleveland and others 1990) or moving averages. Rows are put in the order of `time`, "
        "equal times become their mean, and gaps of an even grid are interpolated; all of it is counted in the "
        "warnings. The newest 50,000 values are used.",
        TimeseriesParameters,
        {"column": "sales", "time": "month", "method": "decomposition", "period": 12},
        "medium",
    ),
    AnalysisType(
        "changepoint",
        "Changes of level",
        "Where the mean of a series jumps, found by penalised least squares: exactly by PELT (Killick, Fearnhead and "
        "Eckley 2012) up to 20,000 values, by binary segmentation beyond. It assumes independent errors of one "
        "variance around each level. Rows are put in the order of `time`, equal times become their mean, and missing "
        "values are left out; all of it is counted in the warnings.",
        ChangepointParameters,
        {"column": "flow", "time": "year"},
        "medium",
    ),
    AnalysisType(
        "anomaly",
        "Rows unlike the others",
        "A score a row, and which rows pass the method's threshold or the share `contamination`: isolation forest "
        "(Liu, Ting and Zhou 2008), local outlier factor (Breunig and others 2000), robust z by median and MAD "
        "(Iglewicz and Hoaglin 1993), or robust z of what trend and season leave (STL). A row with a missing value "
        "has no score. The table holds the 1000 highest scores; `scores.csv` holds all.",
        AnomalyParameters,
        {"columns": ["amount", "duration"], "method": "isolation_forest", "contamination": 0.01},
        "medium",
    ),
    AnalysisType(
        "forecast",
        "What comes next",
        "Means and intervals of the next values by seasonal naive, exponential smoothing (ETS with additive or "
        "multiplicative errors, the form of least AICc; Hyndman and others 2008), ARIMA of the seasonally adjusted "
        "series or seasonal ARIMA (Hyndman and Khandakar 2008), or gradient boosting on lagged values (Friedman 2001) "
        "with conformal limits; auto takes the one with the least error on the series' own past. The back-test gives "
        "MAE, MASE (below 1 beats repeating the season) and the share of values that the intervals covered. Equal "
        "times become their mean, gaps are interpolated, and the newest 2000 values are used; all of it is counted in "
        "the warnings.",
        ForecastParameters,
        {"column": "sales", "time": "month", "horizon": 12, "season": 12},
        "high",
    ),
)
