"""`/upload/sessions` and `/upload/presign`: a file comes in parts, in any order, as often as it takes."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Header, Path, Request, Response

from shared.conditional import TAG_HEADER, TAGGED_READ, json_answer, tagged
from shared.dependencies import IfNoneMatch, RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix, public_path
from shared.schemas import Wait, problems

from ..dependencies import AnnouncedBytes, UploadCompletionsDep, UploadPartsDep, UploadSessionsDep
from ..repositories.uploads import MOST_PARTS
from ..schemas.datasets import DatasetModel
from ..schemas.upload_sessions import Completion, PartModel, PresignedModel, UploadModel, UploadOrder
from ..services.upload_parts import PartBody
from ..services.upload_states import UploadState
from .upload_bodies import FINISHED, accepted_dataset, part_body, presigned_body, upload_body

router = APIRouter(prefix="/upload", tags=["upload"])

OPEN = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)
STARTED: dict[int | str, dict[str, Any]] = {201: {"headers": TAG_HEADER}}
PART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of the part and nothing else: `part_size` of them, or the rest in the last part.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Nothing = Annotated[Completion | None, Body(openapi_examples={"nothing": {"value": {}}})]
Number = Annotated[int, Path(ge=1, le=MOST_PARTS, description="Number of the part, from 1.")]
ContentDigest = Annotated[
    str | None,
    Header(
        alias="Content-Digest",
        max_length=1000,
        description="`sha-256=:…:` of the part in base64 (RFC 9530); one that does not match is refused.",
    ),
]


@router.post(
    "/sessions",
    operation_id="upload_sessions_create",
    summary="Begin an upload in parts",
    status_code=201,
    response_model=UploadModel,
    responses=STARTED | OPEN,
)
async def open_session(
    order: UploadOrder, caller: CurrentCaller, sessions: UploadSessionsDep, once: Once, prefix: PublicPrefix
) -> Response:
    """Announce a file that will come in parts; its bytes count as stored from now on.

    It becomes a new dataset of `project_id`, or a new version of `dataset_id` by `mode`. It expires when no part has
    come for some hours.
    """
    return await once(partial(_opened, prefix), sessions.open, caller.id, order)


@router.post(
    "/presign",
    operation_id="upload_presign",
    summary="Begin an upload straight to the object store",
    status_code=201,
    response_model=PresignedModel,
    responses=OPEN,
)
async def presign(
    order: UploadOrder, caller: CurrentCaller, sessions: UploadSessionsDep, once: Once, prefix: PublicPrefix
) -> Response:
    """Like a session, but each part goes to the object store itself, by the URL that is given for it.

    Look at the upload and complete it under `/upload/sessions/{id}`. A file may have 1000 parts so.
    """
    return await once(partial(_presigned, prefix), sessions.presign, caller.id, order)


@router.get(
    "/sessions/{upload_id}",
    operation_id="upload_sessions_read",
    summary="Read an upload",
    response_model=UploadModel,
    responses=TAGGED_READ | problems(401, 404, 422, 429, 503),
)
async def read_session(
    upload_id: UUID, caller: CurrentCaller, sessions: UploadSessionsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The parts that have arrived, and those that are missing: with this an upload goes on after any interruption."""
    return tagged(upload_body(await sessions.read(upload_id, caller.id)), if_none_match)


@router.put(
    "/sessions/{upload_id}/parts/{number}",
    operation_id="upload_sessions_part_put",
    summary="Send a part",
    openapi_extra=PART,
    responses=problems(401, 403, 404, 409, 413, 422, 429, 503),
)
async def put_part(
    upload_id: UUID,
    number: Number,
    request: Request,
    caller: CurrentCaller,
    parts: UploadPartsDep,
    announced: AnnouncedBytes,
    content_digest: ContentDigest = None,
) -> PartModel:
    """Store a part; one that comes again replaces what came before. A part that breaks off leaves nothing behind."""
    sent = PartBody(request.stream(), announced, content_digest)
    return part_body(await parts.put(upload_id, number, caller.id, sent))


@router.delete(
    "/sessions/{upload_id}",
    operation_id="upload_sessions_abort",
    summary="Cancel an upload",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def abort_session(upload_id: UUID, caller: CurrentCaller, sessions: UploadSessionsDep) -> None:
    """Remove the upload and its parts; its bytes count as stored no more."""
    await sessions.abort(upload_id, caller.id)


@router.post(
    "/sessions/{upload_id}/complete",
    operation_id="upload_sessions_complete",
    summary="Complete an upload",
    status_code=202,
    response_model=DatasetModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def complete_session(
    upload_id: UUID,
    caller: CurrentCaller,
    completions: UploadCompletionsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    _: Nothing = None,
    wait: Wait = 0,
) -> Response:
    """Make the dataset, or the new version, of the parts. Asked again, it answers with the same one."""
    return await once(partial(accepted_dataset, prefix), completions.complete, upload_id, caller.id, request_id, wait)


def _opened(prefix: str, state: UploadState) -> Response:
    return tagged(upload_body(state), status=201, headers=_location(prefix, state))


def _presigned(prefix: str, state: UploadState) -> Response:
    return json_answer(presigned_body(state), 201, _location(prefix, state))


def _location(prefix: str, state: UploadState) -> dict[str, str]:
    return {"Location": public_path(prefix, f"/upload/sessions/{state.upload.id}")}
