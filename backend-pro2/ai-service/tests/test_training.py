"""Training as the computing child runs it: published figures, determinism, budgets, and input that cannot be used."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split

from shared.compute import ComputeError

from ..app.engines.training import evaluation, search
from ..app.engines.training.columns import choose
from ..app.engines.training.features import frame_of
from ..app.engines.training.pipelines import pipeline
from .training_support import mixed, titanic, trained, unforked

QUICK = {"budget_seconds": 120, "folds": 3}


@pytest.fixture(name="here")
def _here() -> Iterator[None]:
    """Without processes of their own for pieces, which is quicker."""
    with unforked():
        yield


def codes(answer: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in answer["warnings"]]


@pytest.mark.usefixtures("here")
class TestPublished:
    """Folds in the order of the file, as cross_val_score makes them, so that figures can be compared."""

    def test_linear_regression_of_diabetes(self, tmp_path: Path) -> None:
        # R² 0.482316: mean of cross_val_score(LinearRegression(), *load_diabetes(return_X_y=True)), scikit-learn 1.9.
        table = pa.Table.from_pandas(load_diabetes(as_frame=True, scaled=False).frame)
        parameters = {"target": "target", "algorithm": "linear", "shuffle": False, "budget_seconds": 60}
        answer, _ = trained(tmp_path, table, parameters)
        summary = answer["summary"]
        assert summary["score"] == pytest.approx(0.482316, abs=1e-5)
        assert (summary["problem"], summary["metric"], summary["candidates"]) == ("regression", "r2", 1)
        assert summary["ci_low"] < summary["score"] < summary["ci_high"]
        assert summary["baseline"] < 0

    def test_logistic_regression_of_breast_cancer(self, tmp_path: Path) -> None:
        # Accuracy 0.98069, AUC 0.99519: StandardScaler and LogisticRegression by cross_val_score, scikit-learn 1.9.
        frame = load_breast_cancer(as_frame=True).frame
        choice = choose(pa.Table.from_pandas(frame), list(frame)[:-1], dict.fromkeys(frame, "number"), asked=True)
        model = pipeline("logistic", {"C": 1.0}, "classification", choice.features, 0)
        for metric, published in (("accuracy", 0.98069), ("roc_auc", 0.99519)):
            values = cross_val_score(model, frame, frame["target"], scoring=metric, cv=StratifiedKFold(5))
            assert values.mean() == pytest.approx(published, abs=5e-5)

    def test_mixed_types_of_titanic(self) -> None:
        # "model score: 0.798" in scikit-learn's example "Column Transformer with Mixed Types", same columns and split;
        # the example also drops half of the category columns, so the figures differ by a few of 262 passengers.
        table, names = titanic(), ["age", "fare", "embarked", "sex", "pclass"]
        table = table.set_column(0, "pclass", table.column("pclass").cast(pa.string()))
        types = {"age": "number", "fare": "number", "embarked": "string", "sex": "string", "pclass": "string"}
        features = choose(table, names, types, asked=True).features
        x, y = frame_of(table, features), table.column("survived").to_numpy()
        learn_x, test_x, learn_y, test_y = train_test_split(x, y, test_size=0.2, random_state=0)
        model = pipeline("logistic", {"C": 1.0}, "classification", features, 0).fit(learn_x, learn_y)
        assert model.score(test_x, test_y) == pytest.approx(0.7977, abs=0.012)


@pytest.mark.usefixtures("here")
class TestAuto:
    def test_all_kinds_of_columns(self, tmp_path: Path) -> None:
        parameters = {**QUICK, "target": "large", "features": ["x", "kind", "flag", "at", "words"], "max_candidates": 2}
        answer, served = trained(tmp_path, mixed(), parameters)
        model = answer["model"]
        assert json.loads(json.dumps(answer)) == answer
        assert {one["name"]: one["kind"] for one in model["features"]} == {
            "x": "numeric", "kind": "categorical", "flag": "numeric", "at": "date", "words": "text",
        }  # fmt: skip
        assert answer["summary"]["score"] > 0.9 > 0.6 > answer["summary"]["baseline"]
        assert [row["feature"] for row in model["importance"][:2]] == ["x", "kind"]
        assert {row["feature"] for row in model["card"]["subgroups"]} == {"kind", "flag"}
        assert set(model["profile"]["features"]) == {one["name"] for one in model["features"]}
        assert [table["name"] for table in answer["tables"]][:3] == ["leaderboard", "metrics", "importance"]
        assert answer["charts"][0]["title"] == "Importance of features"
        said = served.predict([{"x": 3.0, "kind": "a"}, {"x": -3.0, "kind": "never seen", "words": None}])
        assert [one["value"] for one in said] == ["yes", "no"]
        assert sum(said[0]["probabilities"].values()) == pytest.approx(1)

    def test_few_rows_first_where_there_are_many(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search, "RUNGS", (60, 120))
        parameters = {**QUICK, "target": "y", "features": ["x", "kind"], "max_candidates": 10}
        answer, _ = trained(tmp_path, mixed(600), parameters, threads=2)
        board = answer["model"]["leaderboard"]
        assert {row["rows"] for row in board} == {60, 120, 600}
        assert board[0]["rank"] == 1
        assert board[0]["rows"] == 600
        assert answer["summary"]["compared"] < answer["summary"]["candidates"] == 10

    def test_leaderboard_is_told_as_it_grows(self, tmp_path: Path) -> None:
        from ..app.engines.training.run import train

        told: list[str] = []
        folder = tmp_path / "told"
        folder.mkdir()
        trained(folder, mixed(), {**QUICK, "target": "y", "features": ["x"], "algorithm": "linear"})
        path = folder / "0.parquet"
        data = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        parameters = {**QUICK, "target": "y", "features": ["x"], "algorithm": "linear"}
        job = {"type": "train", "parameters": parameters, "seed": 3, "data": data, "output": str(folder)}
        train(job, lambda _done, _total, message: told.append(message))
        boards = [json.loads(message) for message in told if message.startswith("{")]
        assert boards[-1]["leaderboard"][0][0] == "linear"
        assert max(map(len, told)) <= 500


ROWS: list[dict[str, Any]] = [{"x": 1.0, "kind": "a"}, {"x": None, "kind": "b"}, {"kind": None}]


@pytest.mark.usefixtures("here")
class TestDoubts:
    def test_leaks_ids_constants_and_gaps(self, tmp_path: Path) -> None:
        table = titanic().append_column("row_id", pa.array(range(1309))).drop_columns(["ticket", "cabin"])
        table = table.append_column("one", pa.array(["x"] * 1309)).append_column("none", pa.nulls(1309, pa.float64()))
        parameters = {**QUICK, "target": "survived", "algorithm": "logistic", "max_candidates": 1}
        answer, _ = trained(tmp_path, table, parameters, threads=2)
        found = {warning["code"]: warning["message"] for warning in answer["warnings"]}
        assert "boat" in " ".join(w["message"] for w in answer["warnings"] if w["code"] == "target_leakage")
        assert "row_id" in found["id_feature"]
        assert "one" in found["constant_features"]
        assert "none" in found["empty_features"]
        assert set(answer["model"]["ignored"]) >= {"row_id", "one", "none"}
        kinds = {one["name"]: one["kind"] for one in answer["model"]["features"]}
        assert kinds["name"] == "text"
        assert kinds["sex"] == "categorical"

    def test_repeats_rare_classes_and_noise(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        y = ["a"] * 70 + ["b"] * 6 + ["c"] * 4
        table = pa.table({"x": random.integers(0, 3, 80), "infinite": [*random.normal(size=79), np.inf], "y": y})
        table = pa.concat_tables([table, table.slice(0, 5)])
        answer, _ = trained(tmp_path, table, {**QUICK, "target": "y", "algorithm": "tree", "max_candidates": 1})
        expected = {"duplicate_rows", "tiny_classes", "imbalanced_target", "small_sample", "infinite_values"}
        assert expected <= set(codes(answer))
        assert "no_better_than_baseline" in codes(answer)


@pytest.mark.usefixtures("here")
class TestRefused:
    @pytest.mark.parametrize(
        ("columns", "change", "code"),
        [
            ({}, {"target": "gone"}, "column_not_found"),
            ({}, {"features": ["gone"]}, "column_not_found"),
            ({"y": [1.0] * 40}, {}, "constant_column"),
            ({"y": pa.nulls(40, pa.float64())}, {}, "too_few_rows"),
            ({"y": ["one"] * 40}, {}, "too_few_classes"),
            ({"y": [f"class {number}" for number in range(40)]}, {}, "too_few_rows"),
            ({"y": [f"class {number % 101}" for number in range(404)], "x": list(range(404))}, {}, "too_many_classes"),
            ({"y": [1.5, np.inf] * 20}, {}, "out_of_range"),
            ({"y": ["text"] * 40}, {"problem": "regression"}, "not_numeric"),
            ({"x": [1.0] * 40}, {}, "too_few_columns"),
            ({"y": [0.5, 1.5] * 5, "x": list(range(10))}, {}, "too_few_rows"),
            ({}, {"algorithm": "logistic"}, "invalid_parameters"),
            ({}, {"metric": "roc_auc"}, "invalid_parameters"),
            ({}, {"class_weight": "balanced"}, "invalid_parameters"),
            ({"x": [{"a": 1}] * 40}, {"features": ["x"]}, "unsupported_column_type"),
        ],
    )
    def test_what_cannot_be_learnt(
        self, tmp_path: Path, columns: dict[str, Any], change: dict[str, Any], code: str
    ) -> None:
        random = np.random.default_rng(1)
        made = {"x": random.normal(size=40), "y": random.normal(size=40), **columns}
        if len(made["y"]) != len(made["x"]):
            made["x"] = random.normal(size=len(made["y"]))
        with pytest.raises(ComputeError) as caught:
            trained(tmp_path, pa.table(made), {"target": "y", "budget_seconds": 5, **change})
        assert caught.value.code == code

    def test_more_features_than_rows(self, tmp_path: Path) -> None:
        random = np.random.default_rng(1)
        table = pa.table({**{f"x{n}": random.normal(size=30) for n in range(40)}, "y": random.normal(size=30)})
        answer, _ = trained(tmp_path, table, {**QUICK, "target": "y", "algorithm": "ridge", "max_candidates": 1})
        assert "more_features_than_rows" in codes(answer)
        assert "no_better_than_baseline" in codes(answer)

    def test_iris_has_three_classes_of_whole_numbers(self, tmp_path: Path) -> None:
        table = pa.Table.from_pandas(load_iris(as_frame=True).frame)
        parameters = {**QUICK, "target": "target", "algorithm": "linear_svm", "max_candidates": 1}
        answer, served = trained(tmp_path, table, parameters)
        assert answer["summary"]["score"] > 0.9
        assert answer["model"]["calibration"]["method"] == "sigmoid"
        row = {"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}
        assert served.predict([row])[0]["value"] == 0


class TestForecast:
    def test_a_season_goes_on(self, tmp_path: Path) -> None:
        months = np.arange("2015-01", "2021-01", dtype="datetime64[M]").astype("datetime64[D]")
        steps = np.arange(len(months))
        values = 100 + steps + 20 * np.sin(steps * np.pi / 6) + np.random.default_rng(0).normal(size=len(months))
        table = pa.table({"month": pa.array(months), "sold": values})
        parameters = {"target": "sold", "problem": "forecast", "time": "month", "horizon": 6, "budget_seconds": 60}
        answer, served = trained(tmp_path, table, {**parameters, "algorithm": "seasonal_naive", "season": 12})
        said = served.predict([{"month": "2021-02-01"}, {"month": "2021-06-01"}])
        assert said[0]["value"] == pytest.approx(values[-11])
        assert said[1]["interval"]["low"] < values[-7] < said[1]["interval"]["high"]
        assert answer["summary"]["metric"] == "mean_absolute_error"
        assert answer["model"]["leaderboard"][0]["algorithm"] == "seasonal_naive"
        assert served.predict_table(pa.table({"month": pa.array(["2021-01-01"]).cast(pa.date32())})).num_rows == 1
        for beyond in ("2021-07-01", "2020-12-01", "2021-01-15", None):
            with pytest.raises(ComputeError, match="none of the 6 times"):
                served.predict([{"month": beyond}])


class TestBudget:
    """In processes of their own, which can be ended."""

    def test_the_same_again(self, tmp_path: Path) -> None:
        parameters = {**QUICK, "target": "y", "features": ["x", "kind"], "max_candidates": 4, "algorithm": "ridge"}
        with unforked():
            one, first = trained(tmp_path, mixed(), parameters)
        two, second = trained(tmp_path, mixed(), parameters, threads=2)
        for answer in (one, two):
            answer["summary"].pop("took_s")
            for row in answer["model"].pop("leaderboard"):
                assert row["cut"] is None
            answer["tables"].pop(0)
        assert one == two
        assert one["summary"]["candidates"] == 4
        frames = [hashlib.sha256(served.numbers(served.frame_of(ROWS)).tobytes()) for served in (first, second)]
        assert frames[0].digest() == frames[1].digest()

    def test_a_search_ends(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        evaluated = evaluation._evaluated

        def slow(item: dict[str, Any], *more: Any) -> dict[str, Any]:
            time.sleep(0 if item["algorithm"] in ("baseline", "logistic") else 60)
            return evaluated(item, *more)

        monkeypatch.setattr(evaluation, "_evaluated", slow)
        started = monotonic()
        parameters = {"target": "large", "features": ["x", "kind", "flag"], "budget_seconds": 8}
        answer, served = trained(tmp_path, mixed(), parameters, threads=2)
        assert monotonic() - started < 40
        assert answer["summary"]["algorithm"] == "logistic"
        assert "budget_cut" in codes(answer)
        assert answer["summary"]["budget_exhausted"]
        assert served.predict(ROWS)

    def test_a_forecast_ends(self, tmp_path: Path) -> None:
        days = np.arange("2015-01-01", "2020-01-01", dtype="datetime64[D]")
        table = pa.table({"day": pa.array(days), "v": np.random.default_rng(0).normal(size=len(days)).cumsum()})
        parameters = {"target": "v", "problem": "forecast", "time": "day", "budget_seconds": 1}
        started = monotonic()
        answer, _ = trained(tmp_path, table, parameters)
        assert monotonic() - started < 3
        assert answer["summary"]["algorithm"] == "seasonal_naive"
        assert "budget_cut" in codes(answer)
