"""`/analysis/ask/stream`: questions whose answers are followed while they are made."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response

from shared.dependencies import RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import problems
from shared.tasks.answers import accepted_task
from shared.tasks.streaming import EventStream, event_stream

from ..dependencies import AsksDep, AskStreamsDep
from ..schemas.asks import AskRequest
from .asks import ASK_PROBLEMS

router = APIRouter(prefix="/analysis/ask", tags=["ask"])

_EXAMPLE = (
    'event: sql\ndata: {"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","at":"2026-01-31T12:00:00.500000+00:00",'
    '"n":1,"sql":"SELECT count(*) AS n FROM prices"}\nid: 2\n\n'
    'event: delta\ndata: {"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","at":"2026-01-31T12:00:01.250000+00:00",'
    '"from":3,"n":5,"text":"There are 42"}\nid: 2\n\n'
)
FOLLOWED = event_stream("Events as they come; a comment every 15 seconds of silence.", _EXAMPLE)
# Of the response that names the task, what the stream says too.
_KEPT = ("location", "idempotency-replayed")


@router.post(
    "/stream",
    operation_id="analysis_ask_stream",
    summary="Ask the data, and follow",
    response_class=EventStream,
    responses=FOLLOWED | ASK_PROBLEMS,
)
async def stream(
    question: AskRequest,
    caller: CurrentCaller,
    asks: AsksDep,
    streams: AskStreamsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
) -> Response:
    """Ask as `POST /analysis/ask` does, and be told by server-sent events: `state` and `progress` of the task, `sql`
    and `table` once they are there, `delta` with the answer's text as it is checked, then `answer` with the whole, as
    `POST /analysis/ask` gives it, or `error` with `code` and `detail`.

    Pieces are numbered in `n`, texts run `from` one number on; from 1 all begins anew, since the task does. Who reads
    slowly gets several as one. `Location` names the task, which goes on when the client leaves: its own events go on
    after the number in `id`, and `GET /analysis/ask/{task_id}/stream` tells all once more. A request that is repeated
    with its Idempotency-Key follows the first one's task.
    """
    streams.require_room(caller.id)
    accepted = await once(
        partial(accepted_task, prefix, place="/analysis"), asks.submit, caller.id, question, request_id
    )
    task_id = UUID(accepted.headers["location"].rpartition("/")[2])
    followed = EventStream(await streams.open(caller.id, task_id))
    followed.headers.update({name: accepted.headers[name] for name in _KEPT if name in accepted.headers})
    return followed


@router.get(
    "/{task_id}/stream",
    operation_id="analysis_ask_follow",
    summary="Follow a question",
    response_class=EventStream,
    responses=FOLLOWED | problems(401, 404, 422, 429, 503),
)
async def follow(task_id: UUID, caller: CurrentCaller, streams: AskStreamsDep) -> Response:
    """The same events of a question that was asked before, from the first; pieces are kept for fifteen minutes."""
    return EventStream(await streams.open(caller.id, task_id))
