"""What the routes are given."""

from typing import Annotated

from fastapi import Depends, Header, Request

from shared.resources import Resources

from .services.datasets import Datasets
from .services.downloads import Downloads
from .services.engine import Engine
from .services.queries import PlanMemory, Queries
from .services.uploads import Uploads


def resources(request: Request) -> Resources:
    """What this process holds open."""
    held: Resources = request.app.state.resources
    return held


def engine(request: Request) -> Engine:
    """The one that bounds how much is computed at once."""
    held: Engine = request.app.state.engine
    return held


ResourcesDep = Annotated[Resources, Depends(resources)]
EngineDep = Annotated[Engine, Depends(engine)]


def uploads(held: ResourcesDep) -> Uploads:
    """Use case of uploads."""
    return Uploads(held)


def datasets(held: ResourcesDep, engine: EngineDep) -> Datasets:
    """Use cases of datasets."""
    return Datasets(held, engine)


DatasetsDep = Annotated[Datasets, Depends(datasets)]


def downloads(held: ResourcesDep, engine: EngineDep, datasets: DatasetsDep) -> Downloads:
    """Use case of downloads."""
    return Downloads(held, engine, datasets)


def queries(request: Request, held: ResourcesDep, engine: EngineDep) -> Queries:
    """Use case of queries."""
    plans: PlanMemory = request.app.state.plans
    return Queries(held, engine, plans)


def request_id(request: Request) -> str | None:
    """The id under which this request is logged."""
    found: str | None = request.scope.get("state", {}).get("request_id")
    return found


UploadsDep = Annotated[Uploads, Depends(uploads)]
DownloadsDep = Annotated[Downloads, Depends(downloads)]
QueriesDep = Annotated[Queries, Depends(queries)]
RequestId = Annotated[str | None, Depends(request_id)]
IfMatch = Annotated[str | None, Header(max_length=200, description="Only if the dataset's ETag is still this one.")]
IfNoneMatch = Annotated[str | None, Header(max_length=200, description="304 if the dataset's ETag is still this one.")]
