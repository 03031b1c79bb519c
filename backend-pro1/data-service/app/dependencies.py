"""What the routes are given; `async`, since FastAPI calls in a thread what is not."""

from typing import Annotated

from fastapi import Depends, Request

from shared.dependencies import ResourcesDep

from .services.columns import Columns
from .services.datasets import Datasets
from .services.diffs import Diffs
from .services.downloads import Downloads
from .services.drifts import Drifts
from .services.engine import Engine
from .services.garbage import Garbage
from .services.incoming import Form
from .services.inspections import Inspections
from .services.lineages import Lineages
from .services.pipelines import Pipelines
from .services.processes import Processes
from .services.profiles import Profiles
from .services.quality import Quality
from .services.queries import Queries
from .services.query_tables import PlanMemory
from .services.query_tasks import QueryTasks
from .services.retention import Retentions
from .services.rollbacks import Rollbacks
from .services.rows import Rows
from .services.trash import Trash
from .services.upload_completions import UploadCompletions
from .services.upload_parts import UploadParts
from .services.upload_sessions import UploadSessions
from .services.uploads import Uploads
from .services.url_imports import UrlImports
from .services.version_uploads import VersionUploads


# The process's own.
async def engine(request: Request) -> Engine:
    """The one that bounds how much is computed at once."""
    held: Engine = request.app.state.engine
    return held


async def plans(request: Request) -> PlanMemory:
    """The plans of the last queries."""
    held: PlanMemory = request.app.state.plans
    return held


EngineDep = Annotated[Engine, Depends(engine)]
PlansDep = Annotated[PlanMemory, Depends(plans)]


# The request's body.
async def announced_bytes(request: Request) -> int | None:
    """The length of the body that the client announced; None for one that comes in chunks."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


AnnouncedBytes = Annotated[int | None, Depends(announced_bytes)]


async def form(request: Request, announced: AnnouncedBytes) -> Form:
    """The body as a form, which nobody has read yet."""
    return Form(request.headers.get("content-type", ""), request.stream(), announced)


FormDep = Annotated[Form, Depends(form)]


# `/manage/datasets`.
async def datasets(held: ResourcesDep, engine: EngineDep) -> Datasets:
    """Use cases of datasets."""
    return Datasets(held, engine)


DatasetsDep = Annotated[Datasets, Depends(datasets)]


async def columns(held: ResourcesDep) -> Columns:
    """Use cases of a dataset's columns."""
    return Columns(held)


async def diffs(held: ResourcesDep, engine: EngineDep, datasets: DatasetsDep) -> Diffs:
    """Use cases of differences between versions."""
    return Diffs(held, engine, datasets)


async def downloads(held: ResourcesDep, datasets: DatasetsDep) -> Downloads:
    """Use case of downloads."""
    return Downloads(held, datasets)


async def drifts(held: ResourcesDep, engine: EngineDep, datasets: DatasetsDep) -> Drifts:
    """Use case of drift."""
    return Drifts(held, engine, datasets)


async def garbage(held: ResourcesDep) -> Garbage:
    """Use case of the collection of garbage."""
    return Garbage(held)


async def lineages(held: ResourcesDep) -> Lineages:
    """Use case of a lineage."""
    return Lineages(held)


async def profiles(engine: EngineDep, datasets: DatasetsDep) -> Profiles:
    """Use cases of profiles."""
    return Profiles(engine, datasets)


async def quality(held: ResourcesDep, datasets: DatasetsDep) -> Quality:
    """Use cases of quality rules."""
    return Quality(held, datasets)


async def retentions(held: ResourcesDep) -> Retentions:
    """Use cases of retention."""
    return Retentions(held)


async def rollbacks(held: ResourcesDep) -> Rollbacks:
    """Use case of the way back to an earlier version."""
    return Rollbacks(held)


async def rows(held: ResourcesDep, datasets: DatasetsDep) -> Rows:
    """Use cases of rows and values."""
    return Rows(held, datasets)


async def trash(held: ResourcesDep) -> Trash:
    """Use cases around deletion."""
    return Trash(held)


ColumnsDep = Annotated[Columns, Depends(columns)]
DiffsDep = Annotated[Diffs, Depends(diffs)]
DownloadsDep = Annotated[Downloads, Depends(downloads)]
DriftsDep = Annotated[Drifts, Depends(drifts)]
GarbageDep = Annotated[Garbage, Depends(garbage)]
LineagesDep = Annotated[Lineages, Depends(lineages)]
ProfilesDep = Annotated[Profiles, Depends(profiles)]
QualityDep = Annotated[Quality, Depends(quality)]
RetentionsDep = Annotated[Retentions, Depends(retentions)]
RollbacksDep = Annotated[Rollbacks, Depends(rollbacks)]
RowsDep = Annotated[Rows, Depends(rows)]
TrashDep = Annotated[Trash, Depends(trash)]


# `/upload`.
async def version_uploads(held: ResourcesDep, engine: EngineDep) -> VersionUploads:
    """Use case of uploads that become versions."""
    return VersionUploads(held, engine)


VersionUploadsDep = Annotated[VersionUploads, Depends(version_uploads)]


async def inspections(held: ResourcesDep, engine: EngineDep) -> Inspections:
    """Use case of looking into a file."""
    return Inspections(held, engine)


async def upload_completions(held: ResourcesDep, versions: VersionUploadsDep) -> UploadCompletions:
    """Use case of the end of an upload in parts."""
    return UploadCompletions(held, versions)


async def upload_parts(held: ResourcesDep) -> UploadParts:
    """Use case of a part."""
    return UploadParts(held)


async def upload_sessions(held: ResourcesDep) -> UploadSessions:
    """Use cases of uploads in parts."""
    return UploadSessions(held)


async def uploads(held: ResourcesDep) -> Uploads:
    """Use case of uploads."""
    return Uploads(held)


async def url_imports(held: ResourcesDep) -> UrlImports:
    """Use case of imports from URLs."""
    return UrlImports(held)


InspectionsDep = Annotated[Inspections, Depends(inspections)]
UploadCompletionsDep = Annotated[UploadCompletions, Depends(upload_completions)]
UploadPartsDep = Annotated[UploadParts, Depends(upload_parts)]
UploadSessionsDep = Annotated[UploadSessions, Depends(upload_sessions)]
UploadsDep = Annotated[Uploads, Depends(uploads)]
UrlImportsDep = Annotated[UrlImports, Depends(url_imports)]


# `/process`.
async def query_tasks(held: ResourcesDep, engine: EngineDep, plans: PlansDep) -> QueryTasks:
    """Use cases of queries that run as tasks."""
    return QueryTasks(held, engine, plans)


QueryTasksDep = Annotated[QueryTasks, Depends(query_tasks)]


async def queries(held: ResourcesDep, engine: EngineDep, plans: PlansDep, tasks: QueryTasksDep) -> Queries:
    """Use cases of queries."""
    return Queries(held, engine, plans, tasks)


async def processes(held: ResourcesDep, engine: EngineDep) -> Processes:
    """Use cases of steps over datasets."""
    return Processes(held, engine)


QueriesDep = Annotated[Queries, Depends(queries)]
ProcessesDep = Annotated[Processes, Depends(processes)]


async def pipelines(held: ResourcesDep, processes: ProcessesDep) -> Pipelines:
    """Use cases of saved steps."""
    return Pipelines(held, processes)


PipelinesDep = Annotated[Pipelines, Depends(pipelines)]
