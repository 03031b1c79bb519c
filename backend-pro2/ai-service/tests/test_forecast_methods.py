"""Multiplicative, seasonally differenced and boosted forecasts: R's values, known processes, and coverage."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from statsmodels.datasets import co2
from threadpoolctl import threadpool_limits

from shared.compute import ComputeError

from ..app.engines.forecast_boosting import boosting
from ..app.engines.forecast_methods import METHODS, fault_of
from ..app.engines.forecast_models import Task
from ..app.engines.forecast_seasonal import ets_multiplicative, fit_sarima, sarima
from .support import Analyse
from .test_forecast import COMMON, SERIES, TOURISTS, codes, table

# Passengers of airlines, thousands a month, 1949 to 1960: Box and Jenkins (1976), series G.
PASSENGERS = [
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114,
    140, 145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166, 171, 180, 193, 181, 183, 218, 230, 242, 209, 191,
    172, 194, 196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201, 204, 188, 235, 227, 234, 264, 302, 293, 259,
    229, 203, 229, 242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278, 284, 277, 317, 313, 318, 374, 413, 405,
    355, 306, 271, 306, 315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336, 340, 318, 362, 348, 363, 435, 491,
    505, 404, 359, 310, 337, 360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405, 417, 391, 419, 461, 472, 535,
    622, 606, 508, 461, 390, 432,
]  # fmt: skip
AIR = np.array(PASSENGERS, dtype=np.float64)


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
            ("add", [78.09439198, 48.93807849, 61.29337201, 66.33465147]),
            ("mul", [78.33639819, 49.18636319, 61.47777108, 66.54687846]),
        ],
    )
    def test_ets_of_the_tourists(self, trend: str, expected: list[float]) -> None:
        # R's forecast::ets, damped models MAM and MMM, as statsmodels' tests have them; both search the likelihood.
        form = {"trend": trend, "damped_trend": True, "seasonal": "mul", "seasonal_periods": 4}
        path = ets_multiplicative(Task(np.array(TOURISTS), 4, 4, 0.05), form)
        assert path.mean.tolist() == pytest.approx(expected, rel=0.01)
        assert path.label == f"ETS(M,{trend[0].upper()}d,M)"
        # Limits in proportion to the level, as errors are.
        assert np.ptp((path.upper - path.lower) / path.mean) < 0.1

    def test_the_airline_model(self) -> None:
        # R's examples of AirPassengers (tests/Examples/datasets-Ex.Rout.save) have ma1 -0.4018 and sma1 -0.5569. Their
        # logarithms are to base 10: sigma² 0.0002543 is 0.001348 here, the log likelihood less by 131 ln(ln 10).
        form = {"order": (0, 1, 1), "seasonal_order": (0, 1, 1, 12), "trend": None}
        fitted = fit_sarima(np.log(AIR), form)
        assert fitted is not None
        assert fitted.result.params == pytest.approx([-0.4018, -0.5569, 0.001348], abs=1e-3)
        assert fitted.result.llf == pytest.approx(244.7, abs=0.05)
        assert fitted.result.aic == pytest.approx(-483.4, abs=0.05)

    def test_sarima_beats_the_naive_on_the_passengers(self) -> None:
        form = {"order": (0, 1, 1), "seasonal_order": (0, 1, 1, 12), "trend": None}
        path = sarima(Task(AIR[:-12], 12, 12, 0.05), form)
        assert np.abs(path.mean - AIR[-12:]).mean() < 0.5 * np.abs(AIR[-24:-12] - AIR[-12:]).mean()
        assert path.label == "SARIMA(0,1,1)(0,1,1)[12]"

    def test_a_seasonal_search(self) -> None:
        chance = np.random.default_rng(6)
        values = np.tile([0.0, 3.0, -2.0, 5.0], 12) + 0.3 * chance.normal(size=48)
        path = sarima(Task(values, 4, 8, 0.05))
        assert np.abs(path.mean - np.tile([0.0, 3.0, -2.0, 5.0], 2)).max() < 0.6
        assert ",1," in path.label.split("(")[2]

    def test_boosting_follows_season_and_trend(self) -> None:
        chance = np.random.default_rng(7)
        steps = np.arange(264)
        true = 0.1 * steps + 5 * np.sin(steps * 2 * np.pi / 12)
        path = boosting(Task(true[:240] + 0.3 * chance.normal(size=240), 12, 24, 0.1))
        assert np.abs(path.mean - true[240:]).mean() < 0.6
        assert (np.diff(path.upper - path.mean) >= -1e-9).all()

    def test_conformal_limits_cover(self) -> None:
        chance, covered = np.random.default_rng(8), []
        for _ in range(6):
            values = np.convolve(chance.normal(size=165), [1, 0.5], "valid")
            path = boosting(Task(values[:-12], 1, 12, 0.2))
            covered.append((values[-12:] >= path.lower) & (values[-12:] <= path.upper))
        assert 0.7 <= np.mean(covered) <= 0.99

    def test_carbon_dioxide(self) -> None:
        # Monthly means, 24 ahead: repeating the season has the mean absolute error 1.8823; see test_forecast.py.
        months = co2.load_pandas().data.co2.resample("MS").mean().interpolate().to_numpy()
        path = boosting(Task(months[:-24], 12, 24, 0.05))
        assert np.abs(path.mean - months[-24:]).mean() < 0.5 * 1.8823

    @pytest.mark.parametrize("name", ["ets_multiplicative", "boosting"])
    def test_unit_does_not_matter_and_nothing_is_left_to_chance(self, name: str) -> None:
        task = Task(AIR[-72:], 12, 6, 0.05)
        one, again = (METHODS[name](task, None) for _ in range(2))
        other = METHODS[name](Task(1e6 * AIR[-72:], 12, 6, 0.05), one.form)
        assert other.mean == pytest.approx(1e6 * one.mean, rel=1e-3)
        assert other.upper == pytest.approx(1e6 * one.upper, rel=1e-2)
        for part in ("mean", "lower", "upper"):
            assert (getattr(one, part) == getattr(again, part)).all()


def test_auto_tries_what_fits(analyse_columns: Analyse) -> None:
    long = Task(np.array(TOURISTS), 4, 4, 0.05)
    assert [name for name in METHODS if fault_of(name, long) is None] == list(METHODS)
    shifted = {"x": [value - 100 for value in TOURISTS[-20:]], "t": SERIES["t"][-20:]}
    result = analyse_columns("forecast", shifted, COMMON | {"season": 1})
    assert [row["method"] for row in table(result, "methods")] == ["seasonal_naive", "ets", "arima"]


def test_boosting_through_the_analysis(analyse_columns: Analyse) -> None:
    asked = COMMON | {"method": "boosting", "season": 4, "horizon": 12}
    result = analyse_columns("forecast", {name: values[-48:] for name, values in SERIES.items()}, asked)
    assert result["summary"]["method"] == "boosting"
    assert 0 <= result["summary"]["backtest"]["coverage"] <= 1
    assert set(codes(result)) <= {"low_coverage"}


@pytest.mark.parametrize(
    ("method", "values", "season", "code"),
    [
        ("ets_multiplicative", np.arange(-5.0, 45.0), 1, "out_of_range"),
        ("ets_multiplicative", np.arange(1.0, 101.0), 30, "no_season"),
        ("sarima", np.arange(50.0), 1, "no_season"),
        ("boosting", np.arange(20.0), 1, "too_few_rows"),
    ],
)
def test_faults(analyse_columns: Analyse, method: str, values: Any, season: int, code: str) -> None:
    assert fault_of("ets", Task(values, season, 4, 0.05)) is None
    with pytest.raises(ComputeError) as caught:
        columns = {"x": values, "t": np.arange(len(values))}
        analyse_columns("forecast", columns, COMMON | {"method": method, "season": season})
    assert caught.value.code == code
