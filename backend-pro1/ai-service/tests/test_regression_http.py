"""Published regressions through HTTP, by a real worker on real servers."""

from typing import Any

import pytest
from httpx import AsyncClient

from shared.testing.project import Workspace

from .nist import LONGLEY, LONGLEY_CERTIFIED
from .support import DatasetMaker, MakeWorker
from .test_regression import digits, table
from .test_regression_methods import PLANTS, STACKLOSS, columns, packaged

pytestmark = pytest.mark.integration

SPECTOR = {"method": "logistic", "target": "GRADE", "features": ["GPA", "TUCE", "PSI"]}
# Sources stand beside the same values in test_regression_methods.
PUBLISHED = {
    "spector": (columns(packaged("spector")), SPECTOR, [-13.021, 2.826113, 0.095158, 2.378688], 5e-4),
    "engel": (
        columns(packaged("engel")),
        {"method": "quantile", "target": "foodexp", "features": ["income"]},
        [81.48225, 0.56018],
        5e-6,
    ),
    "stackloss": (
        columns(packaged("stackloss")),
        {"method": "robust", "target": "STACKLOSS", "features": STACKLOSS},
        [-41.0265, 0.8294, 0.9261, -0.1278],
        1e-4,
    ),
    "plants": (
        PLANTS,
        {"method": "poisson", "target": "counts", "features": ["outcome", "treatment"]},
        [3.045, -0.4543, -0.2930, 0, 0],
        5e-4,
    ),
}


async def test_published_values(
    client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker, make_worker: MakeWorker
) -> None:
    make_worker()

    async def result(data: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        dataset_id = str(await make_dataset(data))
        body = {"project_id": str(workspace.project_id), "dataset_id": dataset_id, "params": params}
        task = (await client.post("/analysis/regression", json=body, params={"wait": 60})).json()
        assert task["status"] == "succeeded", task
        found: dict[str, Any] = (await client.get(f"/analysis/{task['id']}/result")).json()
        return found

    for name, (data, params, expected, tolerance) in PUBLISHED.items():
        estimates = [row["estimate"] for row in table(await result(data, params), "coefficients").values()]
        assert estimates == pytest.approx(expected, abs=tolerance), name
    features = [name for name in LONGLEY if name != "employed"]
    rows = table(await result(dict(LONGLEY), {"target": "employed", "features": features}), "coefficients")
    for term, (estimate, error) in LONGLEY_CERTIFIED.items():
        assert min(digits(rows[term]["estimate"], estimate), digits(rows[term]["std_error"], error)) > 13
