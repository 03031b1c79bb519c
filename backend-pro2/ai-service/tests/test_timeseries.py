"""Series: Stata's and R's values, order and gaps of time, seasons found, and what cannot be analysed."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from statsmodels.datasets import macrodata
from statsmodels.tsa.seasonal import STL

from shared.compute import ComputeError

from ..app.engines.time_grid import find_grid
from .support import Analyse

MACRO = macrodata.load_pandas().data
GDP, INFLATION = MACRO.realgdp.tolist(), MACRO.infl.tolist()
RANDOM = np.random.default_rng(5)
MONTHLY = 0.1 * np.arange(96) + 3 * np.sin(np.arange(96) * 2 * np.pi / 12) + 0.2 * RANDOM.normal(size=96)
MONTHS = [date(2010 + i // 12, i % 12 + 1, 1) for i in range(96)]
# Makridakis, Wheelwright and Hyndman: quarterly figures that statsmodels decomposes by R for its own tests.
QUARTERLY = [
    -50, 175, 149, 214, 247, 237, 225, 329, 729, 809, 530, 489, 540, 457, 195, 176,
    337, 239, 128, 102, 232, 429, 3, 98, 43, -141, -77, -13, 125, 361, -45, 184,
]  # fmt: skip


def rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    table = result["tables"][0]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


class TestStationarity:
    @pytest.mark.parametrize(
        ("values", "lags", "trend", "statistic", "p_value"),
        [
            # Stata's dfuller on US real GDP and inflation, 1959-2009, as kept with statsmodels' own tests.
            (GDP, 4, "constant", 0.97505319, 0.99399563),
            (GDP, 4, "linear", -1.8566374, 0.67682968),
            (INFLATION, 1, "constant", -4.3346988, 0.00038661),
            (INFLATION, 1, "linear", -4.425093, 0.00199633),
        ],
    )
    def test_dickey_fuller(
        self, analyse_columns: Analyse, values: Any, lags: int, trend: str, statistic: float, p_value: float
    ) -> None:
        result = analyse_columns("timeseries", {"x": values}, {"column": "x", "lags": lags, "trend": trend})
        assert result["summary"]["statistic"] == pytest.approx(statistic, abs=1e-5)
        assert result["summary"]["p_value"] == pytest.approx(p_value, abs=1e-5)

    @pytest.mark.parametrize(("trend", "statistic"), [("constant", 5.0169), ("linear", 1.1828)])
    def test_kpss(self, analyse_columns: Analyse, trend: str, statistic: float) -> None:
        # R's tseries::kpss.test on US real GDP with 3 lags.
        result = analyse_columns("timeseries", {"x": GDP}, {"column": "x", "lags": 3, "trend": trend})
        assert result["summary"]["kpss"]["statistic"] == pytest.approx(statistic, abs=1e-3)
        assert result["summary"]["decision"] == "unit_root"
        assert codes(result) == ["p_value_bounded"]

    def test_decision_does_not_depend_on_the_unit(self, analyse_columns: Analyse) -> None:
        noise = RANDOM.normal(size=200)
        found = [
            analyse_columns("timeseries", {"x": values}, {"column": "x"})["summary"]
            for values in (noise, 1e9 * noise - 1e8)
        ]
        assert found[0]["decision"] == "stationary"
        assert found[0]["statistic"] == pytest.approx(found[1]["statistic"], rel=1e-9)
        assert found[0]["effect_size"]["value"] == pytest.approx(found[1]["effect_size"]["value"], rel=1e-9)

    def test_a_line_has_no_error_to_test_against(self, analyse_columns: Analyse) -> None:
        with pytest.raises(ComputeError) as caught:
            analyse_columns("timeseries", {"x": np.arange(50.0)}, {"column": "x", "trend": "linear"})
        assert caught.value.code == "singular_design"


class TestAutocorrelation:
    def test_correlogram(self, analyse_columns: Analyse) -> None:
        # Stata's corrgram and ac on US real GDP, lags 1 and 2, as kept with statsmodels' own tests.
        parameters = {"column": "x", "method": "acf", "lags": 40}
        first, second = rows(analyse_columns("timeseries", {"x": GDP}, parameters))[:2]
        assert [first["acf"], second["acf"]] == pytest.approx([0.98685781, 0.97371846], abs=1e-8)
        assert [first["acf_band"], second["acf_band"]] == pytest.approx([0.1375625, 0.23618231], abs=1e-7)
        assert [first["q"], second["q"]] == pytest.approx([200.6355, 396.9356], abs=1e-4)
        assert [first["pacf"], second["pacf"]] == pytest.approx([0.98685781, -0.00650592], abs=1e-8)

    def test_noise_has_none(self, analyse_columns: Analyse) -> None:
        result = analyse_columns(
            "timeseries", {"x": np.random.default_rng(0).normal(size=300)}, {"column": "x", "method": "acf"}
        )
        assert result["summary"]["p_value"] > 0.05
        assert result["summary"]["conclusion"].startswith("No dependence of x on its past was found")
        assert len(result["charts"]) == 2

    def test_more_lags_than_half_the_values(self, analyse_columns: Analyse) -> None:
        with pytest.raises(ComputeError) as caught:
            analyse_columns("timeseries", {"x": GDP[:20]}, {"column": "x", "method": "acf", "lags": 10})
        assert caught.value.code == "too_few_rows"
        with pytest.raises(ValidationError):
            analyse_columns("timeseries", {"x": GDP}, {"column": "x", "method": "acf", "lags": 0})


class TestDecomposition:
    def test_classical(self, analyse_columns: Analyse) -> None:
        # R's decompose, as kept with statsmodels' own tests: figures to two places, residuals to three.
        parameters = {"column": "x", "method": "decomposition", "decomposition": "classical", "period": 4}
        found = rows(analyse_columns("timeseries", {"x": QUARTERLY}, parameters))
        assert [row["seasonal"] for row in found[:4]] == pytest.approx([62.46, 86.17, -88.38, -60.25], abs=6e-3)
        assert [row["trend"] for row in found[:5]] == [None, None, 159.125, 204.0, 221.25]
        assert [row["residual"] for row in found[2:6]] == pytest.approx([78.254, 70.254, -36.710, -94.299], abs=6e-4)

    def test_stl_adds_up_and_is_found_by_the_calendar(self, analyse_columns: Analyse, tmp_path: Path) -> None:
        parameters = {"column": "x", "time": "t", "method": "decomposition"}
        result = analyse_columns("timeseries", {"x": MONTHLY, "t": MONTHS}, parameters)
        summary = result["summary"]
        assert (summary["period"], summary["period_from"]) == (12, "calendar")
        assert summary["seasonal_strength"] > 0.95
        sums = [row["trend"] + row["seasonal"] + row["residual"] for row in rows(result)]
        assert sums == pytest.approx(MONTHLY.tolist(), rel=1e-12, abs=1e-12)
        assert rows(result)[5]["trend"] == pytest.approx(STL(MONTHLY, period=12).fit().trend[5])
        assert len(pd.read_csv(tmp_path / "components.csv")) == 96

    def test_multiplicative_parts_multiply(self, analyse_columns: Analyse) -> None:
        parameters = {"column": "x", "method": "decomposition", "model": "multiplicative", "period": 12}
        result = analyse_columns("timeseries", {"x": np.exp(MONTHLY)}, parameters)
        products = [row["trend"] * row["seasonal"] * row["residual"] for row in rows(result)]
        assert products == pytest.approx(np.exp(MONTHLY).tolist(), rel=1e-9)
        with pytest.raises(ComputeError) as caught:
            analyse_columns("timeseries", {"x": MONTHLY}, parameters)
        assert caught.value.code == "out_of_range"

    def test_period_is_found_in_the_data_or_not_at_all(self, analyse_columns: Analyse) -> None:
        parameters = {"column": "x", "method": "decomposition"}
        wave = np.sin(np.arange(140) * 2 * np.pi / 7) + 0.1 * RANDOM.normal(size=140)
        assert analyse_columns("timeseries", {"x": wave}, parameters)["summary"]["period"] == 7
        with pytest.raises(ComputeError) as caught:
            analyse_columns("timeseries", {"x": np.arange(50.0)}, parameters)
        assert caught.value.code == "no_season"


class TestTime:
    def test_gaps_duplicates_and_disorder(self, analyse_columns: Analyse) -> None:
        shuffled = RANDOM.permutation([i for i in range(96) if i not in (10, 11, 50)])
        columns = {
            "x": [*MONTHLY[shuffled], 1.0, None, 5.0],
            "t": [*(MONTHS[i] for i in shuffled), MONTHS[0], MONTHS[50], None],
        }
        result = analyse_columns("timeseries", columns, {"column": "x", "time": "t", "method": "decomposition"})
        assert codes(result) == ["missing_times", "missing_values", "repeated_times", "interpolated"]
        found = rows(result)
        assert len(found) == 96
        assert found[0]["observed"] == pytest.approx((MONTHLY[0] + 1.0) / 2)
        assert found[10]["observed"] == pytest.approx((2 * MONTHLY[9] + MONTHLY[12]) / 3)
        assert found[10]["time"] == "2010-11-01T00:00:00"

    def test_uneven_times_are_told(self, analyse_columns: Analyse) -> None:
        times = np.cumsum(RANDOM.uniform(0.1, 9, size=60))
        result = analyse_columns(
            "timeseries", {"x": GDP[:60], "t": times}, {"column": "x", "time": "t", "method": "acf"}
        )
        assert "uneven_times" in codes(result)
        assert result["summary"]["n"] == 60

    @pytest.mark.parametrize(
        ("times", "unit", "later"),
        [
            (["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30"], "months", "2020-06-30"),
            (["2020-01-15", "2020-04-15", "2020-07-15", "2020-10-15"], "quarters", "2021-04-15"),
            (
                ["2020-03-02", "2020-03-03", "2020-03-04", "2020-03-05", "2020-03-06", "2020-03-09"],
                "working days",
                "2020-03-11",
            ),
            (["2020-03-02T00", "2020-03-02T01", "2020-03-02T03"], "hours", "2020-03-02T05"),
            (["2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"], "weeks", "2020-02-10"),
        ],
    )
    def test_grids_of_the_calendar(self, times: list[str], unit: str, later: str) -> None:
        stamps = np.array(times, dtype="datetime64[us]")
        grid = find_grid(stamps)
        places = grid.places(stamps)
        assert grid.unit == unit
        assert (grid.times(places) == stamps).all()
        assert grid.times(places[-1:] + 2)[0] == np.datetime64(later, "us")

    def test_long_series_are_cut_and_said_to_be(
        self, analyse_columns: Analyse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ai-service.app.engines.timeseries.VALUES_AT_MOST", 100)
        result = analyse_columns("timeseries", {"x": GDP}, {"column": "x", "method": "acf"})
        assert result["summary"]["n"] == 100
        assert codes(result) == ["series_cut"]


@pytest.mark.parametrize(
    ("columns", "parameters", "code"),
    [
        ({"x": [2.0] * 20}, {}, "constant_column"),
        ({"x": [float("nan")] * 20}, {}, "too_few_rows"),
        ({"x": ["a"] * 20}, {}, "not_numeric"),
        ({"x": GDP, "t": ["now"] * 203}, {"time": "t"}, "unsupported_column_type"),
        ({"x": GDP, "t": [float("nan")] * 203}, {"time": "t"}, "too_few_rows"),
        ({"x": GDP}, {"time": "t"}, "column_not_found"),
        ({"x": GDP[:20]}, {"lags": 100}, "too_few_rows"),
        ({"x": GDP[:20]}, {"method": "decomposition", "period": 12}, "too_few_rows"),
        ({"x": [float("inf"), 1.0] * 6}, {}, "too_few_rows"),
    ],
)
def test_faults(analyse_columns: Analyse, columns: Any, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        analyse_columns("timeseries", columns, {"column": "x", **parameters})
    assert caught.value.code == code


def test_times_with_zones_stay_instants(analyse_columns: Analyse) -> None:
    stamps = pd.date_range("2020-03-28", periods=48, freq="h", tz="Europe/Berlin").to_pydatetime().tolist()
    result = analyse_columns("timeseries", {"x": GDP[:48], "t": stamps}, {"column": "x", "time": "t", "method": "acf"})
    assert codes(result) == []
    assert stamps[1] - stamps[0] == timedelta(hours=1)
