"""Profiles of partitions, searches for models and predictions, as the computing child runs them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.linalg import LinAlgError
from sklearn.datasets import load_iris

from shared.compute import ComputeError

from ..app.engines.executor import LocalExecutor
from ..app.engines.jobs import partitions
from ..app.engines.jobs.partitions import ranges
from ..app.engines.jobs.run import run_job
from ..app.engines.serving import batch
from ..app.engines.training import evaluation, pipelines
from .support import Analyse

GROUP_ROWS = 100
RunJob = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> RunJob:
    """Run a job on a table whose row groups are small; files it makes are in tmp_path."""

    def call(kind: str, table: pa.Table, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
        # A name of its own, as content has everywhere: what is read is kept by its path.
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        pq.write_table(table, path, row_group_size=GROUP_ROWS)
        data = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        job = {"type": kind, "parameters": parameters, "seed": 7, "data": data, "output": str(tmp_path), **more}
        return run_job(job, lambda _done, _total, _message: None)

    return call


def mixed(rows: int = 450) -> pa.Table:
    random = np.random.default_rng(9)
    x, kind = random.normal(size=rows), random.choice(["a", "b", "c"], rows)
    return pa.table(
        {
            "x": [None if number % 20 == 0 else value for number, value in enumerate(x.tolist())],
            "kind": [None if number % 30 == 0 else value for number, value in enumerate(kind.tolist())],
            "noise": random.integers(0, 9, rows),
            "y": x * 2 + (kind == "a") * 3 + random.normal(scale=0.3, size=rows),
            "large": (x > 0),
            "at": pa.array(random.integers(0, 10**9, rows), pa.timestamp("s")),
        }
    )


def learnt(folder: Path) -> Path:
    path = folder / "learnt.parquet"
    pq.write_table(mixed(), path)
    return path


class TestProfile:
    def test_it_agrees_with_the_description_of_the_whole(self, run: RunJob, analyse_columns: Analyse) -> None:
        table = mixed()
        profile = run("partitioned-profile", table, {})
        whole = analyse_columns(
            "describe", {name: table.column(name).combine_chunks() for name in table.column_names}, {}
        )
        ours, theirs = (
            [dict(zip(result["tables"][0]["columns"], row, strict=True)) for row in result["tables"][0]["rows"]]
            for result in (profile, whole)
        )
        assert profile["summary"]["partitions"] == 5
        for mine, other in zip(ours, theirs, strict=True):
            # Of columns of many values that occur once, none is frequent.
            assert mine["approximate"] == ([] if mine["distinct"] <= 256 else ["top"])
            for member in ("name", "type", "count", "nulls", "distinct", "min", "max"):
                assert mine[member] == other[member], member
            for member in ("mean", "std", "skewness", "kurtosis"):
                assert mine[member] == pytest.approx(other[member]), member
            if mine["quantiles"]:
                assert mine["quantiles"] == pytest.approx(other["quantiles"])
                assert sum(mine["histogram"]["counts"]) == mine["count"]
            assert mine["approximate"] or mine["top"] == other["top"]

    def test_threads_change_nothing(self, run: RunJob) -> None:
        assert run("partitioned-profile", mixed(), {}) == run("partitioned-profile", mixed(), {}, threads=3)

    def test_columns_are_done_in_blocks(self, run: RunJob) -> None:
        table = pa.table({f"c{number}": np.arange(250) + number for number in range(40)})
        rows = run("partitioned-profile", table, {})["tables"][0]["rows"]
        assert [row[0] for row in rows] == table.column_names

    @pytest.mark.parametrize("groups", [1, 3, 256, 1000])
    def test_ranges_are_all_groups_in_order(self, groups: int) -> None:
        found = ranges(groups)
        assert [number for first, end in found for number in range(first, end)] == list(range(groups))
        assert len(found) <= 256


PARAMETERS = {"target": "y", "features": ["x", "kind", "noise"], "candidates": ["ridge", "tree"], "folds": 3}


class TestSearch:
    def test_a_linear_truth_is_found(self, run: RunJob) -> None:
        result = run("model-search", mixed(), PARAMETERS, threads=2)
        summary = result["summary"]
        assert (summary["problem"], summary["metric"], summary["compared"]) == ("regression", "r2", 6)
        assert summary["winner"]["algorithm"] == "ridge"
        assert summary["score"] > 0.85 > 0.1 > summary["baseline"]
        ranks = [row[0] for row in result["tables"][0]["rows"]]
        assert ranks == [1, 2, 3, 4, 5, 6, None]
        assert run("model-search", mixed(), PARAMETERS) == result

    def test_iris(self, run: RunJob) -> None:
        frame = load_iris(as_frame=True).frame
        parameters = {"target": "target", "candidates": ["logistic"], "metric": "accuracy"}
        summary = run("model-search", pa.Table.from_pandas(frame), parameters)["summary"]
        assert summary["problem"] == "classification"
        assert summary["score"] >= 0.94
        assert summary["baseline"] == pytest.approx(1 / 3, abs=0.01)

    def test_the_smallest_error_is_the_best(self, run: RunJob) -> None:
        parameters = {**PARAMETERS, "candidates": ["ridge"], "folds": 2, "metric": "mean_absolute_error"}
        result = run("model-search", mixed(), parameters)
        errors = [row[3] for row in result["tables"][0]["rows"]]
        assert errors == sorted(errors)
        assert result["warnings"] == []

    def test_noise_is_not_called_a_model(self, run: RunJob) -> None:
        random = np.random.default_rng(3)
        table = pa.table({"x": random.normal(size=200), "y": random.normal(size=200)})
        result = run("model-search", table, {"target": "y", "candidates": ["tree"]})
        assert "no_better_than_baseline" in [warning["code"] for warning in result["warnings"]]

    def test_a_budget_that_ends_early(self, run: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[float | None] = []
        whole = LocalExecutor.map

        def cut(self: LocalExecutor, *arguments: Any, seconds: float | None = None) -> list[Any]:
            given.append(seconds)
            return [*whole(self, *arguments)[:-1], None]

        monkeypatch.setattr(LocalExecutor, "map", cut)
        result = run("model-search", mixed(), {**PARAMETERS, "budget_seconds": 9})
        assert (result["summary"]["candidates"], result["summary"]["compared"], given) == (6, 5, [9])
        assert [warning["code"] for warning in result["warnings"]] == ["budget_cut"]

    def test_what_cannot_be_fitted_is_told(self, run: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = pipelines.pipeline

        def broken(name: str, *arguments: Any, **more: Any) -> Any:
            if name == "tree":
                raise LinAlgError("singular")
            return whole(name, *arguments, **more)

        monkeypatch.setattr(evaluation, "pipeline", broken)
        result = run("model-search", mixed(), PARAMETERS)
        assert (result["summary"]["candidates"], result["summary"]["compared"]) == (6, 3)
        assert [warning["code"] for warning in result["warnings"]] == ["candidates_failed"]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"target": "kind", "metric": "r2"}, "invalid_parameters"),
            ({"target": "kind", "candidates": ["linear"]}, "invalid_parameters"),
            ({"target": "kind", "problem": "regression"}, "not_numeric"),
            ({"target": "x", "features": ["gone"]}, "column_not_found"),
        ],
    )
    def test_what_does_not_fit(self, run: RunJob, change: dict[str, Any], code: str) -> None:
        with pytest.raises(ComputeError) as caught:
            run("model-search", mixed(), {"target": "y", **change})
        assert caught.value.code == code


ANY_SEARCH = {"search_task_id": "01890a5d-c0de-7abc-9def-0123456789ab"}


class TestPrediction:
    def recipe(self, path: Path, **more: Any) -> dict[str, Any]:
        recipe = {"target": "y", "features": ["x", "kind"], "problem": "auto", "parameters": None, "seed": 1}
        return {**recipe, "algorithm": "ridge", "data": {"path": str(path)}, **more}

    def test_every_row_once_in_order(self, run: RunJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Parts of several batches each.
        monkeypatch.setattr(batch, "PARTS_AT_MOST", 2)
        monkeypatch.setattr(partitions, "ROWS_AT_ONCE", 60)
        training = self.recipe(learnt(tmp_path))
        result = run("batch-prediction", mixed(), ANY_SEARCH, training=training, threads=2)
        assert result["artifacts"][0]["name"] == "predictions.parquet"
        found = pq.read_table(tmp_path / "predictions.parquet")
        assert found.column("row").to_pylist() == list(range(450))
        truth = mixed().column("y").to_numpy()
        assert np.corrcoef(found.column("prediction").to_numpy(), truth)[0, 1] > 0.9
        assert found.column_names == ["row", "prediction"]
        summary = result["summary"]
        assert {"min", "max", "mean", "problem", "target", "algorithm"} <= summary.keys()
        assert (summary["partitions"], summary["features"], summary["trained_rows"]) == (2, ["x", "kind"], 450)

    def test_the_winner_of_a_search_predicts(self, run: RunJob, tmp_path: Path) -> None:
        parameters = {"target": "large", "features": ["y", "kind"], "metric": "accuracy"}
        search = run("model-search", mixed(), parameters)
        training = {**search["summary"]["winner"], "data": {"path": str(learnt(tmp_path))}}
        result = run("batch-prediction", mixed(), {**ANY_SEARCH, "probabilities": False}, training=training)
        found = pq.read_table(tmp_path / "predictions.parquet")
        assert found.column_names == ["row", "prediction"]
        hits = [one == two for one, two in zip(found.column(1).to_pylist(), mixed()["large"].to_pylist(), strict=True)]
        # It has learnt from these very rows.
        assert np.mean(hits) >= search["summary"]["score"] - 0.05 > 0.8
        assert sum(count for _, count in result["tables"][0]["rows"]) == 450

    def test_classes_keep_their_type_and_probabilities_sum_to_one(self, run: RunJob, tmp_path: Path) -> None:
        training = self.recipe(learnt(tmp_path), target="large", algorithm="boosting")
        run("batch-prediction", mixed(), ANY_SEARCH, training=training)
        found = pq.read_table(tmp_path / "predictions.parquet")
        assert found.column("prediction").type == pa.bool_()
        sums = found.column("probability_true").to_numpy() + found.column("probability_false").to_numpy()
        assert sums == pytest.approx(np.ones(450))

    def test_other_data_than_learnt_from(self, run: RunJob, tmp_path: Path) -> None:
        training = self.recipe(learnt(tmp_path))
        with pytest.raises(ComputeError) as caught:
            run("batch-prediction", pa.table({"x": ["text"], "kind": ["a"]}), ANY_SEARCH, training=training)
        assert caught.value.code == "unsupported_column_type"
        # A class that was never seen is no fault.
        run("batch-prediction", pa.table({"x": [1.0], "kind": ["new"]}), ANY_SEARCH, training=training)
