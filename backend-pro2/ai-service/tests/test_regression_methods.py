"""Methods of regression besides ordinary least squares, against published values; each with its source."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from sklearn.linear_model import Lasso, Ridge
from statsmodels.discrete.discrete_model import NegativeBinomial
from statsmodels.regression.linear_model import OLS, WLS

from shared.compute import ComputeError

from ..app.engines.design import Design, unit_triangle
from .support import Analyse
from .test_regression import RANDOM, codes, table


def packaged(name: str) -> pd.DataFrame:
    """A data set that statsmodels ships."""
    frame: pd.DataFrame = importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
    return frame


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    return {str(name): frame[name].to_numpy() for name in frame}


def fitted(analyse: Analyse, data: dict[str, Any], method: str, target: str, features: list[str], **more: Any) -> Any:
    return analyse("regression", data, {"method": method, "target": target, "features": features, **more})


def estimates(result: dict[str, Any], member: str = "estimate") -> list[float]:
    return [row[member] for row in table(result, "coefficients").values()]


STACKLOSS = ["AIRFLOW", "WATERTEMP", "ACIDCONC"]
PLANTS = {
    "counts": [18, 17, 15, 20, 10, 20, 25, 13, 12],
    "outcome": ["1", "2", "3"] * 3,
    "treatment": ["1"] * 3 + ["2"] * 3 + ["3"] * 3,
}


class TestPublished:
    def test_logistic_of_spector(self, analyse_columns: Analyse) -> None:
        # Spector and Mazzeo (1980) in Greene, Econometric Analysis, table 21.1; odds ratios are their exponentials.
        result = fitted(analyse_columns, columns(packaged("spector")), "logistic", "GRADE", ["GPA", "TUCE", "PSI"])
        assert estimates(result) == pytest.approx([-13.021, 2.826113, 0.095158, 2.378688], abs=5e-4)
        assert estimates(result, "std_error") == pytest.approx([4.931, 1.263, 0.142, 1.065], abs=5e-4)
        summary = result["summary"]
        assert summary["log_likelihood"] == pytest.approx(-12.88963, abs=5e-6)
        assert (summary["r2"], summary["f_statistic"], summary["event"]) == (None, None, "1")
        assert table(result, "odds_ratios")["PSI"]["odds_ratio"] == pytest.approx(np.exp(2.378688), rel=1e-5)
        assert "few_events" in codes(result)

    def test_median_of_engel(self, analyse_columns: Analyse) -> None:
        # Koenker and Bassett (1982); the vignette of R's quantreg prints 81.48225 and 0.56018.
        result = fitted(analyse_columns, columns(packaged("engel")), "quantile", "foodexp", ["income"])
        assert estimates(result) == pytest.approx([81.48225, 0.56018], abs=5e-6)

    def test_huber_of_stackloss(self, analyse_columns: Analyse) -> None:
        # MASS's rlm, as statsmodels' tests have it (robust/tests/results/results_rlm.py).
        result = fitted(analyse_columns, columns(packaged("stackloss")), "robust", "STACKLOSS", STACKLOSS)
        assert estimates(result) == pytest.approx([-41.0265, 0.8294, 0.9261, -0.1278], abs=1e-4)
        # Its standard errors have another correction for small samples.
        assert estimates(result, "std_error") == pytest.approx([9.8073, 0.1112, 0.3034, 0.1289], rel=3e-3)
        assert result["summary"]["residual_std_error"] == pytest.approx(2.441, abs=5e-4)

    def test_poisson_of_dobson(self, analyse_columns: Analyse) -> None:
        # Dobson (1990) in the examples of R's glm, which print the deviances (tests/Examples/stats-Ex.Rout.save). The
        # rest follows from the margins: 63, 40 and 47 by outcome, 50 by treatment.
        result = fitted(analyse_columns, PLANTS, "poisson", "counts", ["outcome", "treatment"])
        assert estimates(result) == pytest.approx(np.log([21, 40 / 63, 47 / 63, 1, 1]), abs=1e-8)
        variances = [1 / 63 + 1 / 50 - 1 / 150, 1 / 63 + 1 / 40, 1 / 63 + 1 / 47, 2 / 50, 2 / 50]
        assert estimates(result, "std_error") == pytest.approx(np.sqrt(variances), rel=1e-6)
        found = [result["summary"][member] for member in ("null_deviance", "deviance")]
        assert found == pytest.approx([10.5814, 5.1291], abs=5e-5)
        means = np.tile([21, 40 / 3, 47 / 3], 3)
        assert result["summary"]["aic"] == pytest.approx(10 - 2 * stats.poisson.logpmf(PLANTS["counts"], means).sum())

    def test_gamma_of_clotting_times(self, analyse_columns: Analyse) -> None:
        # McCullagh and Nelder (1989, pp. 300-302) in the examples of R's glm (tests/Examples/stats-Ex.Rout.save).
        data = {
            "log_u": np.log([5, 10, 15, 20, 30, 40, 60, 80, 100]),
            "lot1": [118, 58, 42, 35, 27, 25, 21, 19, 18],
        }
        result = fitted(analyse_columns, data, "glm", "lot1", ["log_u"], family="gamma")
        assert estimates(result) == pytest.approx([-0.0165544, 0.0153431], abs=5e-8)
        assert estimates(result, "std_error") == pytest.approx([0.0009275, 0.0004150], abs=5e-8)
        assert estimates(result, "statistic") == pytest.approx([-17.85, 36.98], abs=1e-2)
        assert result["summary"]["deviance"] == pytest.approx(0.01673, abs=5e-6)

    def test_consistent_standard_errors(self, analyse_columns: Analyse) -> None:
        frame = packaged("stackloss")
        design = np.column_stack([np.ones(len(frame)), frame[STACKLOSS]])
        for kind in ("hc0", "hc1", "hc2", "hc3"):
            result = fitted(analyse_columns, columns(frame), "ols", "STACKLOSS", STACKLOSS, std_errors=kind)
            fit = OLS(frame["STACKLOSS"].to_numpy(), design).fit(cov_type=kind.upper(), use_t=True)
            assert estimates(result, "std_error") == pytest.approx(fit.bse, rel=1e-9)
            assert estimates(result, "p_value") == pytest.approx(fit.pvalues, rel=1e-8)
            assert result["summary"]["f_statistic"] == pytest.approx(float(fit.fvalue), rel=1e-8)


class TestIndependentFormulas:
    @pytest.mark.parametrize("intercept", [True, False])
    def test_weights(self, analyse_columns: Analyse, intercept: bool) -> None:
        weights = np.arange(1.0, 21.0)
        data = {"y": RANDOM[:, 0], "a": RANDOM[:, 1], "b": RANDOM[:, 2], "w": weights}
        result = fitted(analyse_columns, data, "wls", "y", ["a", "b"], weights="w", intercept=intercept)
        constant = [np.ones(20)] if intercept else []
        fit = WLS(RANDOM[:, 0], np.column_stack([*constant, RANDOM[:, 1:]]), weights, hasconst=intercept).fit()
        assert estimates(result) == pytest.approx(fit.params)
        assert estimates(result, "p_value") == pytest.approx(fit.pvalues)
        summary = result["summary"]
        names = {"r2": "rsquared", "adj_r2": "rsquared_adj", "f_statistic": "fvalue", "f_p_value": "f_pvalue"}
        names |= {"log_likelihood": "llf", "aic": "aic", "bic": "bic"}
        for ours, theirs in names.items():
            assert summary[ours] == pytest.approx(getattr(fit, theirs)), ours

    def test_shrinking(self, analyse_columns: Analyse) -> None:
        data = {"y": RANDOM[:, 0], "a": RANDOM[:, 1] * 40, "b": RANDOM[:, 2] + 9}
        features = RANDOM[:, 1:] - RANDOM[:, 1:].mean(axis=0)
        scale = features.std(axis=0)
        for method, model in (("ridge", Ridge(3.0)), ("lasso", Lasso(0.05, tol=1e-10))):
            result = fitted(analyse_columns, data, method, "y", ["a", "b"], penalty=model.alpha)
            slopes = model.fit(features / scale, RANDOM[:, 0]).coef_ / scale / [40, 1]
            assert estimates(result)[1:] == pytest.approx(slopes, abs=1e-6)
            assert estimates(result, "std_error") == [None] * 3
            assert "no_inference" in codes(result)

    @pytest.mark.parametrize("method", ["ridge", "lasso"])
    def test_more_features_than_rows(self, analyse_columns: Analyse, method: str) -> None:
        random = np.random.default_rng(4).normal(size=(10, 30))
        data = {f"x{i}": random[:, i] for i in range(30)} | {"y": random[:, 0] * 3 + random[:, 1]}
        result = fitted(analyse_columns, data, method, "y", [f"x{i}" for i in range(30)])
        assert result["summary"]["n"] == 10
        assert result["summary"]["penalty_chosen"]

    def test_negative_binomial(self, analyse_columns: Analyse) -> None:
        random = np.random.default_rng(7)
        x = random.normal(size=200)
        counts = random.negative_binomial(2, 2 / (2 + np.exp(1 + 0.5 * x)))
        data = {"y": counts, "x": x}
        result = fitted(analyse_columns, data, "glm", "y", ["x"], family="negative_binomial")
        fit = NegativeBinomial(counts, np.column_stack([np.ones(200), x])).fit(disp=False, method="bfgs", gtol=1e-8)
        assert [*estimates(result), result["summary"]["shape_alpha"]] == pytest.approx(fit.params, rel=1e-4)
        assert result["summary"]["log_likelihood"] == pytest.approx(fit.llf, rel=1e-8)
        assert "overdispersed" in codes(fitted(analyse_columns, data, "poisson", "y", ["x"]))

    @pytest.mark.parametrize("quantile", [0.1, 0.75])
    def test_quantile_is_the_linear_programme(self, analyse_columns: Analyse, quantile: float) -> None:
        frame = packaged("engel")
        x, y = frame["income"].to_numpy(), frame["foodexp"].to_numpy()
        n = len(x)
        rows = np.column_stack([np.ones(n), x, np.eye(n), -np.eye(n)])
        costs = [0, 0, *[quantile] * n, *[1 - quantile] * n]
        bounds = [(None, None)] * 2 + [(0, None)] * (2 * n)
        best = optimize.linprog(costs, A_eq=rows, b_eq=y, bounds=bounds)
        result = fitted(analyse_columns, columns(frame), "quantile", "foodexp", ["income"], quantile=quantile)
        assert result["summary"]["loss"] == pytest.approx(best.fun, rel=1e-9)
        assert estimates(result) == pytest.approx(best.x[:2], rel=1e-7)

    def test_exposure(self, analyse_columns: Analyse) -> None:
        data = {"y": [10, 20, 60, 80], "t": [1.0, 2.0, 3.0, 4.0], "g": [0, 0, 1, 1]}
        result = fitted(analyse_columns, data, "poisson", "y", ["g"], exposure="t")
        assert table(result, "rate_ratios")["const"]["rate_ratio"] == pytest.approx(30 / 3)
        assert table(result, "rate_ratios")["g"]["rate_ratio"] == pytest.approx((140 / 7) / 10)

    @pytest.mark.parametrize("event", ["no", "yes"])
    def test_the_event_turns_the_signs(self, analyse_columns: Analyse, event: str) -> None:
        data = {"y": ["no", "yes", "no", "yes", "yes", "no", "yes", "no"], "x": [1.0, 2, 3, 4, 5, 6, 7, 2]}
        result = fitted(analyse_columns, data, "logistic", "y", ["x"], event=event)
        other = fitted(analyse_columns, data, "logistic", "y", ["x"])
        sign = 1 if event == "yes" else -1
        assert estimates(result) == pytest.approx([sign * value for value in estimates(other)])


FAULTS = [
    pytest.param({"y": [0, 0, 0, 1, 1, 1], "x": [1, 2, 3, 4, 5, 6]}, "logistic", {}, "separated", id="complete"),
    pytest.param({"y": [0, 0, 1, 0, 1, 1], "x": [1, 2, 3, 3, 4, 5]}, "logistic", {}, "separated", id="quasi"),
    pytest.param({"y": ["a"] * 6, "x": range(6)}, "logistic", {}, "constant_column", id="one class"),
    pytest.param({"y": [None] * 5 + [1], "x": range(6)}, "logistic", {}, "constant_column", id="missing"),
    pytest.param({"y": list("abcabc"), "x": range(6)}, "logistic", {}, "wrong_groups", id="three classes"),
    pytest.param({"y": list("ababab"), "x": range(6)}, "logistic", {"event": "c"}, "wrong_groups", id="no such"),
    pytest.param({"y": [1, -2, 3, 4, 5, 6], "x": range(6)}, "poisson", {}, "invalid_value", id="negative counts"),
    pytest.param({"y": [1, 0, 3, 4], "x": range(4)}, "glm", {"family": "gamma"}, "invalid_value", id="zero"),
    pytest.param(
        {"y": [1, 3, 2, 4], "x": range(4), "w": [1, 0, 1, 1]}, "wls", {"weights": "w"}, "invalid_value", id="weights"
    ),
    pytest.param({"y": ["a"] * 6, "x": range(6)}, "robust", {}, "not_numeric", id="text"),
    pytest.param({"y": [float("inf")] * 6, "x": range(6)}, "quantile", {}, "too_few_rows", id="infinite"),
]


@pytest.mark.parametrize(("data", "method", "more", "code"), FAULTS)
def test_faults(analyse_columns: Analyse, data: Any, method: str, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ComputeError) as caught:
        fitted(analyse_columns, data, method, "y", ["x"], **more)
    assert caught.value.code == code


def test_half_of_the_rows_fitted_exactly(analyse_columns: Analyse) -> None:
    x = np.arange(20.0)
    result = fitted(analyse_columns, {"x": x, "y": 2 * x + np.where(x % 5 == 2, 9, 0)}, "robust", "y", ["x"])
    assert estimates(result) == pytest.approx([0, 2], abs=1e-6)


def test_a_row_that_decides_alone_has_no_hc3(analyse_columns: Analyse) -> None:
    data = {"y": RANDOM[:, 0], "alone": [1] + [0] * 19}
    result = fitted(analyse_columns, data, "ols", "y", ["alone"], std_errors="hc3")
    assert estimates(result, "std_error") == [None, None]
    assert "undefined_std_errors" in codes(result)


@pytest.mark.parametrize("method", ["ols", "robust", "quantile", "logistic", "poisson"])
@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e6])
def test_units_do_not_matter(analyse_columns: Analyse, method: str, factor: float) -> None:
    x, noise = RANDOM[:, 0], RANDOM[:, 1]
    targets = {"logistic": (x + 2 * noise > 0).astype(int), "poisson": np.round(np.exp(1 + x / 3 + noise / 3))}
    y = targets.get(method, x + noise)
    plain = fitted(analyse_columns, {"y": y, "x": x}, method, "y", ["x"])
    other = fitted(analyse_columns, {"y": y, "x": factor * (x + 5)}, method, "y", ["x"])
    assert estimates(other)[1] * factor == pytest.approx(estimates(plain)[1], rel=1e-4)
    assert estimates(other, "p_value")[1] == pytest.approx(estimates(plain, "p_value")[1], rel=1e-3, abs=1e-12)


def test_separation_among_many_rows(analyse_columns: Analyse) -> None:
    random = np.random.default_rng(1)
    data = {"x": random.normal(size=1000), "level": ["a"] * 950 + ["b"] * 50}
    y = (random.random(1000) < 0.5).astype(int)
    y[950:] = 1
    with pytest.raises(ComputeError, match=r"in part.*'level\[b\]'") as caught:
        fitted(analyse_columns, data | {"y": y}, "logistic", "y", ["x", "level"])
    assert caught.value.code == "separated"


def test_quantiles_of_very_many_rows_are_sampled(analyse_columns: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = importlib.import_module("ai-service.app.engines.resistant")
    monkeypatch.setattr(engine, "QUANTILE_ROWS_AT_MOST", 100)
    result = fitted(analyse_columns, columns(packaged("engel")), "quantile", "foodexp", ["income"])
    assert (result["summary"]["n"], result["summary"]["dropped_rows"]) == (100, 0)
    assert codes(result)[0] == "rows_sampled"


def test_counts_that_vary_as_poisson_says(analyse_columns: Analyse) -> None:
    random = np.random.default_rng(2)
    x = random.normal(size=500)
    # Binomial counts vary less than that.
    data = {"x": x, "y": random.binomial(6, 1 / (1 + np.exp(-x)))}
    result = fitted(analyse_columns, data, "glm", "y", ["x"], family="negative_binomial")
    poisson = fitted(analyse_columns, data, "poisson", "y", ["x"])
    assert "poisson_suffices" in codes(result)
    assert estimates(result) == pytest.approx(estimates(poisson), abs=1e-4)


def test_a_sample_is_judged_by_its_own_columns() -> None:
    matrix, rows = RANDOM[:, :2], np.arange(len(RANDOM))
    design = Design(("x", "z"), matrix, matrix[:, 0], rows, 0, len(rows), (), has_constant=False)
    known = replace(design, triangle=unit_triangle(matrix))
    sample = known.sampled(10, seed=1)
    assert np.array_equal(known.factor, design.factor)
    assert np.array_equal(sample.factor, unit_triangle(sample.matrix))
    assert not np.allclose(sample.factor, known.factor)
