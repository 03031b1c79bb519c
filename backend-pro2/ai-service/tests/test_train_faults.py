"""Orders of training that cannot be carried out, over HTTP: refused at once, or failed with a code; none hangs."""

from typing import Any

import pyarrow as pa
import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.schemas.algorithms import ALGORITHMS
from .support import Columns, DatasetMaker
from .test_waiting import Coming
from .training_bench import TrainingBench

pytestmark = pytest.mark.integration

X = [float(number * 7 % 40) for number in range(40)]
MONTHS = [f"20{15 + number // 12}-{number % 12 + 1:02d}-01" for number in range(48)]


@pytest.fixture
def bench(resources: Resources, client: AsyncClient, workspace: Workspace, settings: Settings) -> TrainingBench:
    resources.settings = settings.model_copy(update={"ray_enabled": False})
    return TrainingBench(resources, client, workspace)


async def ended(bench: TrainingBench, body: dict[str, Any]) -> tuple[str, str | None]:
    """How a training that was accepted ended."""
    task_id = await bench.submit(body)
    await bench.run_next()
    found = (await bench.client.get(f"/tasks/{task_id}")).json()
    return found["status"], (found["error"] or {}).get("code")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": "gone"}, "column_not_found"),
        ({"features": ["x", "gone"]}, "column_not_found"),
        ({"features": []}, "validation_failed"),
        ({"features": ["y"]}, "validation_failed"),
        ({"n_estimators": 10**9}, "validation_failed"),
        ({"n_jobs": -1}, "validation_failed"),
        ({"max_candidates": 10**9}, "validation_failed"),
        ({"memory_mb": 10**9}, "validation_failed"),
        ({"max_rows": 10**12}, "validation_failed"),
        ({"budget_seconds": "NaN"}, "validation_failed"),
        ({"problem": "forecast", "time": "t", "algorithm": "forest"}, "validation_failed"),
        ({"algorithm": "sarima"}, "validation_failed"),
        ({"algorithm": "ensemble"}, "validation_failed"),
        ({"problem": "forecast", "time": "words", "target": "x"}, "unsupported_column_type"),
    ],
)
async def test_refused_at_once(
    bench: TrainingBench, make_dataset: DatasetMaker, change: dict[str, Any], code: str
) -> None:
    dataset_id = await make_dataset({"x": X, "y": X, "words": ["w"] * 40})
    answer = await bench.client.post("/models/train", json=bench.order(dataset_id, "y") | change)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


@pytest.mark.parametrize(
    ("columns", "change", "code"),
    [
        ({"y": [None] * 40}, {}, "too_few_rows"),
        ({"y": ["one"] * 40}, {}, "too_few_classes"),
        ({"y": [1.0] * 40}, {}, "constant_column"),
        ({"y": [f"class {number}" for number in range(40)]}, {}, "too_few_rows"),
        ({"x": X * 50, "y": [f"class {n // 2}" for n in range(2000)]}, {}, "too_many_classes"),
        ({"y": [1.5, float("inf")] * 20}, {}, "out_of_range"),
        ({"y": [1.5, -1e300] * 20}, {}, "out_of_range"),
        ({"y": ["text"] * 40}, {"problem": "regression"}, "not_numeric"),
        ({"x": ["one"] * 40, "y": X}, {}, "too_few_columns"),
        ({"x": [float("inf")] * 40, "y": X}, {}, "too_few_columns"),
        ({"x": X[:10], "y": X[:10]}, {}, "too_few_rows"),
        ({"y": X}, {"algorithm": "logistic"}, "invalid_parameters"),
        ({"y": X}, {"metric": "roc_auc"}, "invalid_parameters"),
    ],
)
async def test_failed_with_a_code(
    bench: TrainingBench, make_dataset: DatasetMaker, columns: Columns, change: dict[str, Any], code: str
) -> None:
    dataset_id = await make_dataset({"x": X, **columns})
    assert await ended(bench, bench.order(dataset_id, "y", **change)) == ("failed", code)


async def test_infinite_features_and_more_of_them_than_rows_are_told(
    bench: TrainingBench, make_dataset: DatasetMaker
) -> None:
    wide = {f"x{number}": [float((row * (number + 3)) % 37) for row in range(30)] for number in range(40)}
    infinite = [float("inf"), *(float(row) for row in range(29))]
    dataset_id = await make_dataset({**wide, "infinite": infinite, "y": X[:30]})
    result = await bench.finished(bench.order(dataset_id, "y", algorithm="ridge"))
    assert {"infinite_values", "more_features_than_rows"} <= {one["code"] for one in result["warnings"]}


async def test_a_dataset_that_is_still_read(
    bench: TrainingBench, resources: Resources, workspace: Workspace, client: AsyncClient, make_dataset: DatasetMaker
) -> None:
    coming = Coming(resources, workspace, client, await make_dataset({"x": X, "y": X}, "ingesting"))
    early = await bench.client.post("/models/train", json=bench.order(coming.dataset_id, "y"))
    assert (early.status_code, early.json()["code"]) == (409, "dataset_not_ready")
    await coming.begin()
    order = bench.order(coming.dataset_id, "gone")
    wrong = (await bench.client.post("/models/train", json=order)).json()
    await coming.read(well=True)
    await bench.run_next()
    found = (await client.get(f"/tasks/{wrong['id']}")).json()
    assert (found["status"], found["error"]["code"]) == ("failed", "column_not_found")


async def test_a_dataset_that_is_deleted_meanwhile(bench: TrainingBench, make_dataset: DatasetMaker) -> None:
    order = bench.order(await make_dataset({"x": X, "y": X}), "y")
    task_id = await bench.submit(order)
    async with bench.resources.database.transaction() as session:
        await session.execute("UPDATE datasets SET deleted_at = now()")
    await bench.run_next()
    found = (await bench.client.get(f"/tasks/{task_id}")).json()
    assert (found["status"], found["error"]["code"]) == ("failed", "dataset_not_ready")
    assert (await bench.client.post("/models/train", json=order)).status_code == 404
    assert await bench.keys() == set()


async def test_a_named_forecaster_gives_means_and_intervals(bench: TrainingBench, make_dataset: DatasetMaker) -> None:
    listed = {one["name"]: one for one in (await bench.client.get("/models/algorithms")).json()["items"]}
    assert listed.keys() == {one.name for one in ALGORITHMS}
    assert [one["name"] for one in listed["boosting"]["parameters"]][-4:] == ["time", "horizon", "season", "level"]
    sold = [100.0 + number + 20 * (number % 12 == 11) for number in range(48)]
    dataset_id = await make_dataset({"sold": sold, "month": _dates(MONTHS)})
    order = bench.order(
        dataset_id, "sold", problem="forecast", time="month", horizon=3, season=12, algorithm="boosting",
        budget_seconds=120, level=0.8,
    )  # fmt: skip
    summary = (await bench.finished(order))["summary"]
    assert (summary["algorithm"], summary["horizon"]) == ("boosting", 3)
    path = f"/models/{summary['model_id']}/predict"
    said = (await bench.client.post(path, json={"rows": [{"month": "2019-01-01"}, {"month": "2019-03-01"}]})).json()
    for one in said["predictions"]:
        assert one["interval"]["low"] <= one["value"] <= one["interval"]["high"]
        assert one["interval"]["level"] == pytest.approx(0.8)
    late = await bench.client.post(path, json={"rows": [{"month": "2019-04-01"}]})
    assert (late.status_code, late.json()["code"]) == (422, "invalid_rows")


def _dates(days: list[str]) -> pa.Array:
    return pa.array(days).cast(pa.date32())
