"""Forecasts: R's values, the textbook's intervals, the back-test by hand, and what cannot be continued."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from statsmodels.datasets import co2
from threadpoolctl import threadpool_limits

from shared.compute import ComputeError

from ..app.engines.forecast_models import MODELS, Task, arima, ets, seasonal_naive
from .support import Analyse

# Quarterly nights of visitors to Australia, `austourists` of R's package fpp2.
TOURISTS = [
    30.052513, 19.148496, 25.317692, 27.591437, 32.076456, 23.487961, 28.47594, 35.123753, 36.838485,
    25.007017, 30.72223, 28.693759, 36.640986, 23.824609, 29.311683, 31.770309, 35.177877, 19.775244,
    29.60175, 34.538842, 41.273599, 26.655862, 28.279859, 35.191153, 42.20566386, 24.64917133, 32.66733514,
    37.25735401, 45.24246027, 29.35048127, 36.34420728, 41.78208136, 49.27659843, 31.27540139, 37.85062549,
    38.83704413, 51.23690034, 31.83855162, 41.32342126, 42.79900337, 55.70835836, 33.40714492, 42.31663797,
    45.15712257, 59.57607996, 34.83733016, 44.84168072, 46.9712496, 60.01903094, 38.37117851, 46.97586413,
    50.73379646, 61.64687319, 39.29956937, 52.67120908, 54.33231689, 66.83435838, 40.87118847, 51.82853579,
    57.49190993, 65.25146985, 43.06120822, 54.76075713, 59.83447494, 73.25702747, 47.69662373, 61.09776802,
    66.05576122,
]  # fmt: skip
RANDOM = np.random.default_rng(11)
SERIES: dict[str, list[Any]] = {
    "x": TOURISTS,
    "t": [date(1999 + i // 4, 3 * (i % 4) + 1, 1) for i in range(len(TOURISTS))],
}
COMMON = {"column": "x", "time": "t", "horizon": 4}


def table(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = next(table for table in result["tables"] if table["name"] == name)
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


# As in the computing child: what libraries warn of on the way is no part of a result.
@pytest.mark.filterwarnings("ignore")
class TestModels:
    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        with threadpool_limits(limits=1):
            yield

    @pytest.mark.parametrize(
        ("trend", "expected"),
        [
            (None, [75.32914757, 50.16726775, 62.21021038, 65.90296904]),
            ("add", [75.34454396, 50.75845291, 63.05022495, 67.48394643]),
        ],
    )
    def test_ets_of_the_tourists(self, trend: str | None, expected: list[float]) -> None:
        # R's forecast::ets, models ANA and AAA, as statsmodels' tests have them. Both maximise the likelihood by
        # search, so 1 % is what can be asked.
        form = {"trend": trend, "damped_trend": False, "seasonal": "add", "seasonal_periods": 4}
        path = ets(Task(np.array(TOURISTS), 4, 4, 0.05), form)
        assert path.mean.tolist() == pytest.approx(expected, rel=0.01)

    def test_carbon_dioxide(self) -> None:
        # statsmodels' Mauna Loa data, monthly means, the last 24 months ahead: additive Holt-Winters has the mean
        # absolute error 0.2310, repeating the season 1.8823.
        months = co2.load_pandas().data.co2.resample("MS").mean().interpolate().to_numpy()
        task = Task(months[:-24], 12, 24, 0.05)
        errors = {
            name: np.abs(MODELS[name](task, None).mean - months[-24:]).mean() for name in ("seasonal_naive", "ets")
        }
        assert errors["seasonal_naive"] == pytest.approx(1.8823, abs=5e-5)
        assert errors["ets"] == pytest.approx(0.2310, rel=0.02)

    def test_intervals_of_the_naive(self) -> None:
        # Hyndman and Athanasopoulos, section 5.5: sigma sqrt(k + 1), k the whole seasons before the step.
        values = RANDOM.normal(size=40)
        path = seasonal_naive(Task(values, 4, 6, 0.2))
        sigma = np.sqrt(np.mean((values[4:] - values[:-4]) ** 2))
        assert path.mean.tolist() == [*values[-4:], *values[-4:-2]]
        widths = (path.upper - path.mean) / (1.2815515655446004 * sigma)
        assert widths == pytest.approx([1, 1, 1, 1, np.sqrt(2), np.sqrt(2)], rel=1e-12)

    def test_arima_knows_an_autoregression(self) -> None:
        values = np.zeros(400)
        for i, error in enumerate(RANDOM.normal(size=399), 1):
            values[i] = 0.8 * values[i - 1] + error
        path = arima(Task(values + 50, 1, 30, 0.05))
        assert path.label.split(",")[1] == "0"
        # Far ahead the forecast is the mean, and the interval that of the marginal distribution.
        assert path.mean[-1] == pytest.approx(values.mean() + 50, abs=0.5)
        assert path.upper[-1] - path.mean[-1] == pytest.approx(1.96 / np.sqrt(1 - 0.64), rel=0.15)

    @pytest.mark.parametrize("name", ["ets", "arima"])
    def test_a_long_season_is_put_back(self, name: str) -> None:
        season = 5 * np.sin(np.arange(210) * 2 * np.pi / 30)
        path = MODELS[name](Task(season + 0.1 * RANDOM.normal(size=210), 30, 30, 0.05), None)
        assert np.abs(path.mean - season[:30]).max() < 0.6
        assert path.label.startswith("STL, season 30")

    @pytest.mark.parametrize("name", list(MODELS))
    def test_unit_and_origin_do_not_matter(self, name: str) -> None:
        values = np.array(TOURISTS[-40:])
        one = MODELS[name](Task(values, 4, 4, 0.05), None)
        other = MODELS[name](Task(1e6 * values - 1e7, 4, 4, 0.05), one.form)
        assert other.mean == pytest.approx(1e6 * one.mean - 1e7, rel=1e-3)
        assert other.upper == pytest.approx(1e6 * one.upper - 1e7, rel=1e-3)


def test_auto_takes_the_best_of_the_back_test(analyse_columns: Analyse) -> None:
    columns = {"x": TOURISTS[-20:], "t": SERIES["t"][-20:]}
    result = analyse_columns("forecast", columns, COMMON)
    methods = table(result, "methods")
    best = min(methods, key=lambda row: row["mae"])
    assert result["summary"]["method"] == best["method"]
    assert result["summary"]["backtest"] == {name: best[name] for name in ("mae", "mase", "coverage", "origins")}
    assert "selected_by_backtest" in codes(result)
    assert [row["time"][:10] for row in table(result, "forecast")] == [
        "2016-01-01",
        "2016-04-01",
        "2016-07-01",
        "2016-10-01",
    ]
    assert all(row["lower"] < row["mean"] < row["upper"] for row in table(result, "forecast"))
    assert result["summary"]["season"] == 4


def test_back_test_of_the_naive_by_hand(analyse_columns: Analyse) -> None:
    x = np.array(TOURISTS)
    result = analyse_columns("forecast", SERIES, {**COMMON, "method": "seasonal_naive", "season": 4})
    errors = [np.abs(x[n : n + 4] - x[n - 4 : n]) for n in (52, 56, 60, 64)]
    scales = [np.abs(x[4:n] - x[: n - 4]).mean() for n in (52, 56, 60, 64)]
    found = result["summary"]["backtest"]
    assert len(x) == 68
    assert found["mae"] == pytest.approx(np.mean(errors), rel=1e-12)
    assert found["mase"] == pytest.approx(np.mean([e / s for e, s in zip(errors, scales, strict=True)]), rel=1e-12)
    assert found["origins"] == 4


def test_no_value_to_come_leaks_into_the_back_test(analyse_columns: Analyse) -> None:
    parameters = {"column": "x", "time": "t", "horizon": 10, "season": 1, "method": "ets"}
    past = RANDOM.normal(size=40)
    jump = [*past[:30], *(past[30:] + 1000)]
    result = analyse_columns("forecast", {"x": jump, "t": np.arange(40)}, parameters)
    assert result["summary"]["backtest"]["origins"] == 2
    assert result["summary"]["backtest"]["mae"] > 450
    assert "low_coverage" in codes(result)


def test_a_short_series_has_no_back_test(analyse_columns: Analyse) -> None:
    columns = {"x": RANDOM.normal(size=14), "t": np.arange(14)}
    result = analyse_columns("forecast", columns, {**COMMON, "method": "ets"})
    assert result["summary"]["backtest"] == {"mae": None, "mase": None, "coverage": None, "origins": 0}
    assert codes(result) == ["no_backtest"]
    assert [row["time"] for row in table(result, "forecast")] == [14, 15, 16, 17]


def test_uneven_times_go_on_by_the_median_step(analyse_columns: Analyse) -> None:
    times = np.cumsum([1.0, 2.5, 2.0] * 10)
    columns = {"x": RANDOM.normal(size=30), "t": times}
    result = analyse_columns("forecast", columns, {**COMMON, "method": "seasonal_naive", "season": 1})
    assert [row["time"] for row in table(result, "forecast")] == [times[-1] + 2 * k for k in (1, 2, 3, 4)]
    assert codes(result)[0] == "uneven_times"


@pytest.mark.parametrize(
    ("values", "parameters", "code"),
    [
        ([1.0] * 30, {}, "constant_column"),
        ([float("nan")] * 30, {}, "too_few_rows"),
        ([1.0, 2.0, 3.0], {}, "too_few_rows"),
        (["a"] * 30, {}, "not_numeric"),
        ([1e100, 1.0] * 15, {}, "out_of_range"),
        (np.arange(30.0), {"horizon": 31}, "too_few_rows"),
        (np.arange(30.0), {"season": 20}, "too_few_rows"),
    ],
)
def test_faults(analyse_columns: Analyse, values: Any, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("forecast", {"x": values, "t": np.arange(len(values))}, {**COMMON, **parameters})
    assert caught.value.code == code


def test_a_forecast_needs_a_time_and_a_bounded_horizon(analyse_columns: Analyse) -> None:
    for parameters in ({"column": "x", "horizon": 4}, {**COMMON, "horizon": 10**9}, {**COMMON, "time": "x"}):
        with pytest.raises(ValidationError):
            analyse_columns("forecast", SERIES, parameters)
