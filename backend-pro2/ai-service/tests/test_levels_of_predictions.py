"""Intervals and sets at other levels than that of the training: coverage, what is kept, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.compute import ComputeError

from ..app.engines.serving import online
from ..app.engines.serving.offline import use_model
from ..app.engines.training import conformal
from ..app.engines.training.conformal import at_level
from .fitted import Fitted, fit
from .training_support import trained

LEVELS = (0.5, 0.8, 0.95, 0.99)


def report(_done: int, _total: int, _message: str) -> None: ...


def ask(fitted: Fitted, level: float | None, rows: int = 5) -> dict[str, Any]:
    return online.predict(fitted.job(rows=fitted.rows[:rows], level=level), report)


class TestCoverage:
    """Over rows that were not learnt from, of what was made for the level 0.9."""

    def test_intervals(self) -> None:
        random = np.random.default_rng(7)
        covered: dict[float, list[Any]] = {level: [] for level in LEVELS}
        for _ in range(150):
            predicted = random.normal(size=700)
            y = predicted + random.normal(size=700) * (1 + np.abs(predicted))
            made = conformal.conform_numbers(y[:600], predicted[:600], np.arange(600) % 5, 0.9)
            for level in LEVELS:
                widths = conformal.half_widths(at_level(made, level), predicted[600:])
                covered[level].append(np.abs(y - predicted)[600:] <= widths)
        for level in LEVELS:
            assert np.mean(covered[level]) == pytest.approx(level, abs=0.015)

    def test_sets(self) -> None:
        random = np.random.default_rng(8)
        covered: dict[float, list[Any]] = {level: [] for level in LEVELS}
        for _ in range(150):
            p = random.dirichlet([0.5, 0.5, 0.5], 500)
            y = (p.cumsum(axis=1) < random.random((500, 1))).sum(axis=1)
            made = conformal.conform_classes(y[:400], p[:400], np.arange(400) % 5, 0.9)
            for level in LEVELS:
                covered[level].append(conformal.in_sets(at_level(made, level), p[400:])[np.arange(100), y[400:]])
        for level in LEVELS:
            assert np.mean(covered[level]) == pytest.approx(level, abs=0.015)


class TestKept:
    @pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
    def test_it_is_as_if_made_for_the_level(self, level: float) -> None:
        random = np.random.default_rng(9)
        predicted = random.normal(size=900)
        y, folds = predicted + random.normal(size=900), np.arange(900) % 5
        one, other = (conformal.conform_numbers(y, predicted, folds, made_for) for made_for in (0.9, level))
        assert at_level(one, level)["widths"] == other["widths"]
        p = random.dirichlet([1, 1], 900)
        labels = (random.random(900) < p[:, 1]).astype(int)
        one, other = (conformal.conform_classes(labels, p, folds, made_for) for made_for in (0.9, level))
        assert at_level(one, level)["threshold"] == other["threshold"]

    def test_levels_between_percents_are_rounded_up(self) -> None:
        made = conformal.conform_numbers(np.arange(300.0), np.zeros(300), np.arange(300) % 5, 0.9)
        assert at_level(made, 0.975) == at_level(made, 0.98)
        assert at_level(made, 0.975)["level"] == 0.98
        # 0.57 * 100 is a little more than 57 in binary.
        assert at_level(made, 0.57)["level"] == 0.57
        assert at_level(made, None) is made

    def test_it_survives_json(self) -> None:
        made = conformal.conform_numbers(np.arange(30.0), np.zeros(30), np.arange(30) % 5, 0.9)
        assert at_level(json.loads(json.dumps(made)), 0.6) == at_level(made, 0.6)

    def test_a_version_that_kept_one_level_says_so(self) -> None:
        made = conformal.conform_numbers(np.arange(30.0), np.zeros(30), np.arange(30) % 5, 0.9)
        del made["ladder"]
        assert at_level(made, 0.9) is made
        with pytest.raises(ComputeError) as failure:
            at_level(made, 0.8)
        assert failure.value.code == "level_unavailable"


class TestServed:
    def test_intervals_widen_with_the_level(self, tmp_path: Path) -> None:
        fitted = fit(tmp_path, "linear")
        answers = {level: ask(fitted, level) for level in (0.5, None, 0.99)}
        assert [answer["level"] for answer in answers.values()] == [0.5, 0.9, 0.99]
        for narrow, usual, wide in zip(*(answer["predictions"] for answer in answers.values()), strict=True):
            assert narrow["value"] == usual["value"] == wide["value"]
            lows = [one["interval"]["low"] for one in (wide, usual, narrow)]
            assert lows == sorted(set(lows))
            assert wide["interval"]["level"] == 0.99
            middle = (wide["interval"]["low"] + wide["interval"]["high"]) / 2
            assert middle == pytest.approx(wide["value"], rel=1e-9)

    def test_sets_grow_with_the_level(self, tmp_path: Path) -> None:
        fitted = fit(tmp_path, "logistic", "big")
        few, many = (ask(fitted, level, 400)["predictions"] for level in (0.5, 0.99))
        assert all(set(one["set"]) <= set(other["set"]) for one, other in zip(few, many, strict=True))
        assert sum(len(one["set"]) for one in few) < sum(len(one["set"]) for one in many)

    def test_a_limit_that_is_null_is_explained(self, tmp_path: Path) -> None:
        fitted = fit(tmp_path, "linear")
        made = conformal.conform_numbers(np.arange(40.0), np.zeros(40), np.arange(40) % 5, 0.9)
        fitted.model["conformal"] = made
        answer = ask(fitted, 0.99)
        assert answer["predictions"][0]["interval"] == {"low": None, "high": None, "level": 0.99}
        (notice,) = [one for one in answer["notices"] if one["code"] == "no_interval"]
        assert notice["message"].endswith("of level 0.99: 5 of 5 have none.")
        assert "no_interval" not in [one["code"] for one in ask(fitted, 0.95)["notices"]]

    def test_of_whole_datasets(self, tmp_path: Path) -> None:
        fitted = fit(tmp_path, "linear")
        answer = use_model(fitted.offline("prediction", tmp_path, level=0.5), report)
        made = pq.read_table(tmp_path / "predictions.parquet").to_pylist()
        online_ones = ask(fitted, 0.5, 400)["predictions"]
        assert answer["summary"]["level"] == 0.5
        assert [row["low"] for row in made] == pytest.approx([one["interval"]["low"] for one in online_ones])

    def test_of_classes_in_whole_datasets(self, tmp_path: Path) -> None:
        fitted = fit(tmp_path, "logistic", "big")
        use_model(fitted.offline("prediction", tmp_path, level=0.99), report)
        made = pq.read_table(tmp_path / "predictions.parquet")
        assert made.column_names == ["prediction", "probability_no", "probability_yes", "set"]
        online_ones = ask(fitted, 0.99, 400)["predictions"]
        assert [json.loads(text) for text in made.column("set").to_pylist()] == [one["set"] for one in online_ones]


SERIES = pa.table(
    {
        "month": pa.array(np.arange("2015-01", "2021-01", dtype="datetime64[M]").astype("datetime64[D]")),
        "sold": 100 + np.arange(72) + np.random.default_rng(0).normal(size=72),
    }
)
ORDER = {"target": "sold", "problem": "forecast", "time": "month", "horizon": 6, "budget_seconds": 60, "season": 1}


class TestForecast:
    @pytest.mark.parametrize("method", ["seasonal_naive", "arima"])
    def test_normal_limits_are_those_of_a_training_at_the_level(self, tmp_path: Path, method: str) -> None:
        lows = []
        for number, level in enumerate((0.9, 0.6)):
            (folder := tmp_path / str(number)).mkdir()
            _, served = trained(folder, SERIES, {**ORDER, "algorithm": method, "level": level})
            (said,) = served.predict_frame(served.frame_of([{"month": "2021-03-01"}]), 0.6)
            assert said["interval"]["level"] == 0.6
            lows.append(said["interval"]["low"])
        assert lows[0] == pytest.approx(lows[1], rel=1e-9)

    def test_limits_of_another_kind_have_one_level(self) -> None:
        told = {"method": "model", "level": 0.9, "normal": False, "days": [1.0], "low": [1.0], "high": [2.0]}
        with pytest.raises(ComputeError, match=r"knows the level 0\.9 only"):
            at_level(told, 0.8)
