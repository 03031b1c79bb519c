"""Models in use as the computing children do it: predictions, notices, reasons, grids, and the quick preparation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.compute import ComputeError

from ..app.engines.serving import online
from ..app.engines.serving.loaded import served
from ..app.engines.serving.quick import QuickEstimator
from ..app.engines.training.served import load
from .fitted import Fitted, fit


def report(_done: int, _total: int, _message: str) -> None: ...


def ask(function: Any, job: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = function(job, report)
    return answer


@pytest.fixture
def linear(tmp_path: Path) -> Fitted:
    return fit(tmp_path, "linear")


@pytest.mark.parametrize(
    ("algorithm", "target", "settings"),
    [
        ("linear", "y", {}),
        ("ridge", "y", {"alpha": 1.0}),
        ("tree", "y", {"max_depth": 4}),
        ("logistic", "big", {"C": 1.0}),
        ("neighbours", "big", {"n_neighbors": 5}),
    ],
)
def test_the_quick_preparation_gives_what_scikit_learn_gives(
    tmp_path: Path, algorithm: str, target: str, settings: dict[str, Any]
) -> None:
    fitted = fit(tmp_path, algorithm, target, settings)
    quick, plain = served(fitted.job()), load(fitted.path, fitted.model)
    assert isinstance(quick.estimator, QuickEstimator)
    rows = [*fitted.rows, {}, {"kind": "violet", "a": 99.0, "b": None, "count": -3}]
    one, two = (model.predict(rows) for model in (quick, plain))
    for mine, theirs in zip(one, two, strict=True):
        assert mine["value"] == (pytest.approx(theirs["value"], rel=1e-9) if target == "y" else theirs["value"])
        assert mine.get("probabilities", {}) == pytest.approx(theirs.get("probabilities", {}), abs=1e-9)


def test_a_quantile_scaler_is_left_to_scikit_learn(tmp_path: Path) -> None:
    fitted = fit(tmp_path, "ridge", "y", {"alpha": 1.0, "scale": "quantile"})
    assert not isinstance(served(fitted.job()).estimator, QuickEstimator)
    assert len(ask(online.predict, fitted.job(rows=fitted.rows))["predictions"]) == len(fitted.rows)


def test_a_model_stays_loaded_and_one_that_is_not_is_asked_for(linear: Fitted) -> None:
    with pytest.raises(ComputeError) as failure:
        ask(online.predict, {"key": "none of these", "rows": [{}]})
    assert failure.value.code == "not_loaded"
    first = ask(online.predict, linear.job(rows=linear.rows[:1]))
    assert ask(online.predict, {"key": str(linear.path), "rows": linear.rows[:1]}) == first


def test_what_is_unusual_is_counted(linear: Fitted) -> None:
    rows = [{"a": None, "b": 10.0, "kind": "violet", "count": 3}, {"a": 1e6, "b": 10.0, "kind": None, "count": 3}]
    notices = {each["code"]: each["message"] for each in ask(online.predict, linear.job(rows=rows))["notices"]}
    assert "a (in 1 row), kind (in 1 row)" in notices["missing_values"]
    assert "kind (in 1 row)" in notices["unknown_categories"]
    assert "a (in 1 row)" in notices["beyond_training"]
    assert ask(online.predict, linear.job(rows=linear.rows[1:2]))["notices"] == []


@pytest.mark.parametrize(("algorithm", "target"), [("linear", "y"), ("tree", "y"), ("logistic", "big")])
def test_contributions_add_up_to_the_prediction(tmp_path: Path, algorithm: str, target: str) -> None:
    fitted = fit(tmp_path, algorithm, target)
    rows = [fitted.rows[0], {}, {"kind": "violet", "a": 3.0}]
    job = fitted.job(rows=rows, of_class=None, seed=1)
    answer = ask(online.explain, job)
    for row, predicted in zip(answer["explanations"], served(fitted.job()).predict(rows), strict=True):
        total = row["base"] + sum(one["contribution"] for one in row["contributions"])
        wanted = predicted["probabilities"][row["class"]] if target == "big" else predicted["value"]
        assert total == pytest.approx(wanted, abs=1e-9)
        assert row["prediction"] == pytest.approx(wanted, abs=1e-9)
    assert {one["feature"] for one in answer["mean_absolute"]} == {"a", "b", "kind", "count"}
    assert ask(online.explain, job) == answer


def test_a_linear_model_is_explained_by_its_coefficients(linear: Fitted) -> None:
    row = {"a": 2.0, "b": 4.0, "kind": "red", "count": 10}
    two = ask(online.explain, linear.job(rows=[row, {**row, "b": 5.0}], of_class=None, seed=0))["explanations"]
    b = [next(one["contribution"] for one in each["contributions"] if one["feature"] == "b") for each in two]
    # The data were made with a coefficient of -1.
    assert b[1] - b[0] == pytest.approx(-1, abs=0.05)


def test_a_dataset_is_explained_by_some_of_its_rows(linear: Fitted) -> None:
    job = linear.job(rows=None, data={"path": str(linear.data)}, sample=5, of_class=None, seed=2)
    assert len(ask(online.explain, job)["explanations"]) == 5


def test_a_class_that_is_not_there_is_refused(tmp_path: Path, linear: Fitted) -> None:
    (folder := tmp_path / "classes").mkdir()
    for fitted, name in ((fit(folder, "logistic", "big"), "maybe"), (linear, "yes")):
        with pytest.raises(ComputeError) as failure:
            ask(online.explain, fitted.job(rows=[{}], of_class=name, seed=0))
        assert failure.value.code == "unknown_class"


def test_a_grid_is_predicted_point_by_point(linear: Fitted) -> None:
    axes = [{"feature": "b", "values": None, "points": 3}, {"feature": "kind", "values": None, "points": 20}]
    answer = ask(online.what_if, linear.job(row=linear.rows[1], changes=None, grid=axes))
    assert len(answer["points"]) == 9
    for point in answer["points"]:
        changed = ask(online.predict, linear.job(rows=[{**linear.rows[1], **point["changes"]}]))["predictions"][0]
        assert point["prediction"]["value"] == pytest.approx(changed["value"], abs=1e-12)
        assert point["difference"] == pytest.approx(changed["value"] - answer["original"]["value"], abs=1e-12)


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        ([{"feature": "weight", "values": None, "points": 3}], "invalid_rows"),
        ([{"feature": "b", "values": ["x"], "points": 3}], "invalid_rows"),
        ([{"feature": name, "values": None, "points": 200} for name in ("a", "b")], "grid_too_large"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(linear: Fitted, grid: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(ComputeError) as failure:
        ask(online.what_if, linear.job(row={}, changes=None, grid=grid))
    assert failure.value.code == code


def test_the_background_has_the_distribution_of_the_training(linear: Fitted) -> None:
    from ..app.engines.serving.background import background_of

    model = served(linear.job())
    frame = background_of(model, 0)
    assert np.nanmean(frame["b"]) == pytest.approx(10, abs=1)
    assert frame["kind"].value_counts(normalize=True)["red"] == pytest.approx(1 / 3, abs=0.1)
    assert frame["a"].isna().mean() == pytest.approx(1 / 17, abs=0.03)
