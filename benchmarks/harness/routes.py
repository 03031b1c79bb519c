"""A handful of requests that stand for the rest, and the data that they are about."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from .client import User, call, new_user
from .datasets import upload, wait_for
from .paths import scratch
from .sides import Side, worker_of_data

ROWS, DATASETS, PAGE = 5000, 5, 100


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request, asked of the service that answers it."""

    name: str
    service: str
    path: str
    body: object | None = None


@dataclass(frozen=True, slots=True)
class Seeded:
    """Somebody with a project and some datasets."""

    user: User
    project: str
    datasets: Sequence[str]

    @classmethod
    def nowhere(cls) -> "Seeded":
        """Nobody with nothing, whose routes have the names of all."""
        return cls(User("", ""), "", [""])

    def routes(self) -> list[Route]:
        """Through the gateway what it answers or passes on, the others straight at their service."""
        dataset = self.datasets[0]
        sql = "SELECT city, count(*) AS n, avg(price) AS mean FROM orders0 GROUP BY city"
        query = {"project_id": self.project, "sql": sql, "limit": 100}
        params = {"method": "ols", "target": "price", "features": ["quantity"]}
        order = {"project_id": self.project, "dataset_id": dataset, "params": params}
        return [
            Route("auth/me", "api-gateway", "/api/v1/auth/me"),
            Route("list of projects", "api-gateway", "/api/v1/projects?limit=20"),
            Route("forwarded dataset", "api-gateway", f"/api/v1/datasets/{dataset}"),
            Route("list of datasets", "data-service", f"/manage/datasets?project_id={self.project}&limit=20"),
            Route("page of rows", "data-service", f"/manage/datasets/{dataset}/rows?limit={PAGE}"),
            Route("query asked before", "data-service", "/process/query", query),
            Route("task submitted", "ai-service", "/analysis/regression", order),
            Route("list of tasks", "ai-service", "/tasks?limit=20"),
        ]


def seed(side: Side) -> Seeded:
    """Make them on the side's stores."""
    gateway = side.url("api-gateway")
    user, api = new_user(gateway), f"{gateway}/api/v1"
    project = call("POST", f"{api}/projects", token=user.token, body={"name": uuid.uuid4().hex})["id"]
    path = scratch("compare.csv")
    lines = (f"{place % 7}.5,{place % 11},city {place % 13}" for place in range(ROWS))
    path.write_text("\n".join(["price,quantity,city", *lines]))
    datasets = []
    with worker_of_data(side):
        for place in range(DATASETS):
            made = upload(api, user, project, path)
            wait_for(api, user, made["task_id"])
            call("PATCH", f"{api}/datasets/{made['id']}", token=user.token, body={"name": f"orders{place}"})
            datasets.append(str(made["id"]))
    return Seeded(user, project, datasets)
