"""What the routes are given."""

from typing import Annotated

from fastapi import Depends, Request

from shared.dependencies import ResourcesDep

from .services.datasets import Datasets
from .services.downloads import Downloads
from .services.engine import Engine
from .services.queries import PlanMemory, Queries
from .services.uploads import Uploads


def engine(request: Request) -> Engine:
    """The one that bounds how much is computed at once."""
    held: Engine = request.app.state.engine
    return held


EngineDep = Annotated[Engine, Depends(engine)]


def uploads(held: ResourcesDep) -> Uploads:
    """Use case of uploads."""
    return Uploads(held)


def announced_bytes(request: Request) -> int | None:
    """The length of the body that the client announced; None for one that comes in chunks."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


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


UploadsDep = Annotated[Uploads, Depends(uploads)]
AnnouncedBytes = Annotated[int | None, Depends(announced_bytes)]
DownloadsDep = Annotated[Downloads, Depends(downloads)]
QueriesDep = Annotated[Queries, Depends(queries)]
