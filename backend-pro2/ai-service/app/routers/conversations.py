"""`/analysis/conversations`: questions that belong together, their asker's alone."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, problems

from ..dependencies import ConversationsDep
from ..schemas.conversations import ConversationChange, ConversationHead, ConversationModel

router = APIRouter(prefix="/analysis/conversations", tags=["ask"])

READ = problems(401, 404, 422, 429, 503)


@router.get("", operation_id="conversations_list", summary="List conversations", responses=READ)
async def list_conversations(
    caller: CurrentCaller, conversations: ConversationsDep, page: PageQuery, project_id: OfProject = None
) -> Page[ConversationHead]:
    """The caller's own conversations, newest first. Nobody else sees them, whatever their role."""
    before = decode_cursor(page.cursor)
    rows = await conversations.page(caller.id, project_id=project_id, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, ConversationHead.model_validate, lambda row: row.id)


@router.get(
    "/{conversation_id}",
    operation_id="conversations_read",
    summary="Read a conversation",
    response_model=ConversationModel,
    responses=TAGGED_READ | READ,
)
async def read_conversation(
    conversation_id: UUID, caller: CurrentCaller, conversations: ConversationsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The conversation with its questions and answers, a hundred at most. Long ones are cut; tasks have all."""
    return tagged(await conversations.read(caller.id, conversation_id), if_none_match)


@router.patch(
    "/{conversation_id}",
    operation_id="conversations_change",
    summary="Rename a conversation",
    response_model=ConversationModel,
    responses=TAGGED | problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503),
)
async def change_conversation(
    conversation_id: UUID,
    change: ConversationChange,
    caller: CurrentCaller,
    conversations: ConversationsDep,
    if_match: IfMatch = None,
) -> Response:
    """Give it another title."""
    return tagged(await conversations.change(caller.id, conversation_id, change, if_match))


@router.delete(
    "/{conversation_id}",
    operation_id="conversations_delete",
    summary="Remove a conversation",
    status_code=204,
    responses=problems(401, 403, 404, 409, 412, 422, 429, 503),
)
async def delete_conversation(
    conversation_id: UUID, caller: CurrentCaller, conversations: ConversationsDep, if_match: IfMatch = None
) -> None:
    """Remove it with its questions and answers. Their tasks and results stay; remove those one by one."""
    await conversations.remove(caller.id, conversation_id, if_match)
