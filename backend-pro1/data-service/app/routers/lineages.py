"""`/manage/datasets/{id}/lineage`: what a version was made of, and what was made of it."""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import LineagesDep
from ..repositories.lineages import Described, Work
from ..repositories.versions import Parent
from ..schemas.lineages import LineageEdge, LineageModel, LineageNode
from ..services.lineages import Lineage
from .parameters import Version

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])


@router.get(
    "/{dataset_id}/lineage",
    operation_id="datasets_lineage",
    summary="Read the lineage",
    responses=problems(401, 404, 409, 422, 429, 503),
)
async def get_lineage(
    dataset_id: UUID,
    caller: CurrentCaller,
    lineages: LineagesDep,
    version: Version = None,
    depth: Annotated[int, Query(ge=1, le=20, description="Steps in either direction.")] = 5,
) -> LineageModel:
    """What the version was made of, what was made of it, and which work reads it or what came of it.

    Other projects are not looked into. A version that was deleted is `removed`; one that has expired is not.
    """
    return _body(await lineages.read(dataset_id, caller.id, version, depth))


def _body(graph: Lineage) -> LineageModel:
    nodes = [_version(place, row) for place, row in graph.versions.items()]
    return LineageModel(
        nodes=nodes + [_work(work) for work in graph.work], edges=list(_edges(graph)), truncated=graph.truncated
    )


def _edges(graph: Lineage) -> Iterator[LineageEdge]:
    for link in sorted(graph.links, key=lambda link: (_name(link.child), _name(link.parent))):
        row = graph.versions[link.child]
        yield LineageEdge(source=_name(link.parent), to=_name(link.child), op=row.operation.get("op") if row else None)
    for work in graph.work:
        place = Parent(work.dataset_id, work.version)
        yield LineageEdge(source=_name(place), to=str(work.id), op=work.type or work.kind)


def _version(place: Parent, row: Described | None) -> LineageNode:
    return LineageNode(
        id=_name(place),
        kind="dataset_version",
        dataset_id=place.dataset_id,
        version=place.version,
        task_id=None,
        name=row and row.name,
        status=row and row.status,
        operation=row and row.operation,
        created_at=row and row.created_at,
        removed=row is None,
    )


def _work(work: Work) -> LineageNode:
    return LineageNode(
        id=str(work.id),
        kind=work.kind,
        dataset_id=work.dataset_id,
        version=work.version,
        task_id=work.id,
        name=work.type or work.kind,
        status=work.status,
        operation=None,
        created_at=work.created_at,
        removed=False,
    )


def _name(place: Parent) -> str:
    return f"{place.dataset_id}@{place.version}"
