"""Models on whole datasets, as the worker's child uses them: batches, evaluations, and drift."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

from shared.compute import ComputeError

from ..app.engines.serving.offline import use_model
from ..app.engines.training.served import load
from .fitted import Fitted, fit, table_of


def use(job: dict[str, Any]) -> dict[str, Any]:
    return use_model(job, lambda _done, _total, _message: None)


@pytest.fixture
def linear(tmp_path: Path) -> Fitted:
    return fit(tmp_path, "linear")


def written(folder: Path, table: pa.Table) -> Path:
    path = folder / "other.parquet"
    pq.write_table(table, path, row_group_size=100)
    return path


def rows_of(answer: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    table = next(table for table in answer["tables"] if table["name"] == name)
    return {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}


class TestBatch:
    def test_partitions_are_joined_in_order_beside_kept_columns(self, linear: Fitted, tmp_path: Path) -> None:
        summary = use(linear.offline("prediction", tmp_path, columns=["count", "y"]))["summary"]
        made = pq.read_table(tmp_path / "predictions.parquet")
        assert (summary["rows"], summary["partitions"]) == (400, 3)
        assert made.column_names == ["count", "y", "prediction", "low", "high"]
        values = [one["value"] for one in load(linear.path, linear.model).predict(linear.rows)]
        assert made.column("prediction").to_pylist() == pytest.approx(values, abs=1e-9)
        assert made.column("count").to_pylist() == [row["count"] for row in linear.rows]

    def test_classes_come_with_probabilities(self, tmp_path: Path) -> None:
        answer = use(fit(tmp_path, "logistic", "big").offline("prediction", tmp_path))
        made = pq.read_table(tmp_path / "predictions.parquet")
        assert made.column_names == ["prediction", "probability_no", "probability_yes"]
        assert sum(row["rows"] for row in rows_of(answer, "classes").values()) == 400

    def test_names_that_are_taken_get_a_number(self, linear: Fitted, tmp_path: Path) -> None:
        data = written(tmp_path, table_of().append_column("prediction", pa.array(["old"] * 400)))
        use(linear.offline("prediction", tmp_path, data, columns=["prediction"]))
        assert pq.read_schema(tmp_path / "predictions.parquet").names == ["prediction", "prediction_2", "low", "high"]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda table: table.drop_columns(["b"]), "column_not_found"),
            (lambda table: table.set_column(1, "b", pa.array(["x"] * 400)), "not_numeric"),
            (lambda table: table.slice(0, 0), "too_few_rows"),
        ],
    )
    def test_data_that_do_not_fit_are_refused(self, linear: Fitted, tmp_path: Path, change: Any, code: str) -> None:
        with pytest.raises(ComputeError) as failure:
            use(linear.offline("prediction", tmp_path, written(tmp_path, change(table_of()))))
        assert failure.value.code == code


class TestEvaluation:
    def test_measures_are_those_of_scikit_learn(self, linear: Fitted, tmp_path: Path) -> None:
        table = table_of(seed=5)
        answer = use(linear.offline("evaluation", tmp_path, written(tmp_path, table)))
        predicted = load(linear.path, linear.model).predict_table(table).column("prediction").to_numpy()
        y, metrics = table.column("y").to_numpy(), rows_of(answer, "metrics")
        assert metrics["r2"]["value"] == pytest.approx(r2_score(y, predicted), abs=1e-12)
        assert metrics["mean_absolute_error"]["value"] == pytest.approx(mean_absolute_error(y, predicted), abs=1e-12)
        assert answer["summary"]["verdict"] == "as_trained"
        assert answer["summary"]["coverage"]["ci_low"] < 0.9 < answer["summary"]["coverage"]["ci_high"]

    def test_a_target_that_no_longer_follows_is_worse(self, linear: Fitted, tmp_path: Path) -> None:
        shuffled = np.random.default_rng(0).permutation(table_of().column("y").to_numpy())
        data = written(tmp_path, table_of().set_column(4, "y", pa.array(shuffled)))
        answer = use(linear.offline("evaluation", tmp_path, data))
        assert {row["verdict"] for row in rows_of(answer, "metrics").values()} == {"worse"}

    def test_unknown_classes_and_missing_targets_are_told(self, tmp_path: Path) -> None:
        fitted = fit(tmp_path, "logistic", "big")
        big = ["maybe", None, *table_of().column("big").to_pylist()[2:]]
        answer = use(fitted.offline("evaluation", tmp_path, written(tmp_path, table_of().set_column(5, "big", [big]))))
        assert {notice["code"] for notice in answer["warnings"]} == {"unknown_classes", "rows_dropped"}
        assert answer["summary"]["n"] == 398

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda table: table.drop_columns(["y"]), "column_not_found"),
            (lambda table: table.set_column(4, "y", pa.nulls(400, pa.float64())), "too_few_rows"),
        ],
    )
    def test_without_a_target_it_is_refused(self, linear: Fitted, tmp_path: Path, change: Any, code: str) -> None:
        with pytest.raises(ComputeError) as failure:
            use(linear.offline("evaluation", tmp_path, written(tmp_path, change(table_of()))))
        assert failure.value.code == code


class TestMonitoring:
    @pytest.mark.parametrize("target", ["y", "big"])
    def test_new_rows_of_the_same_kind_are_stable(self, tmp_path: Path, target: str) -> None:
        fitted = fit(tmp_path, "linear" if target == "y" else "logistic", target)
        answer = use(fitted.offline("monitoring", tmp_path, written(tmp_path, table_of(seed=7))))
        assert (answer["summary"]["verdict"], answer["summary"]["drifted"]) == ("stable", [])
        assert answer["summary"]["error"]["verdict"] == "as_trained"

    def test_a_shift_is_found_in_its_column_and_in_the_predictions(self, linear: Fitted, tmp_path: Path) -> None:
        table = table_of(seed=7)
        moved = table.set_column(1, "b", pa.array(table.column("b").to_numpy() + 4)).drop_columns(["y"])
        answer = use(linear.offline("monitoring", tmp_path, written(tmp_path, moved)))
        assert answer["summary"]["verdict"] == "large"
        assert set(answer["summary"]["drifted"]) == {"b", "(prediction)"}
        assert answer["summary"]["error"] is None
        assert [chart["title"] for chart in answer["charts"]] == ["Drift against the training data"]

    def test_new_levels_and_gaps_are_drift(self, linear: Fitted, tmp_path: Path) -> None:
        table = table_of(seed=7)
        kind = pa.array(["violet" if n % 2 else "red" for n in range(400)])
        a = pa.array([None if n % 2 else value for n, value in enumerate(table.column("a").to_pylist())], pa.float64())
        answer = use(
            linear.offline(
                "monitoring", tmp_path, written(tmp_path, table.set_column(2, "kind", kind).set_column(0, "a", a))
            )
        )
        drift = rows_of(answer, "drift")
        assert (drift["kind"]["verdict"], drift["a"]["verdict"]) == ("large", "large")
        assert drift["a"]["missing"] > 0.5 > drift["a"]["missing_trained"]
        assert (drift["b"]["verdict"], drift["count"]["verdict"]) == ("stable", "stable")
