"""/api/v1/projects/{id}/webhooks/{id}/deliveries and /test: what was sent, and sending it once more."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED_READ, json_answer, tagged
from shared.dependencies import IfNoneMatch
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import WebhookDeliveriesDep
from ..schemas.webhook_deliveries import Delivery, SelectionQuery, Wait

router = APIRouter(prefix="/api/v1/projects", tags=["webhooks"])

_ENDED: dict[int | str, dict[str, Any]] = {
    200: {"model": Delivery, "description": "The first try ended within `wait`."}
}
_SENT_ERRORS = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.post(
    "/{project_id}/webhooks/{webhook_id}/test",
    operation_id="projects_webhooks_test",
    summary="Send a test event",
    status_code=202,
    response_model=Delivery,
    responses={**_ENDED, **_SENT_ERRORS},
)
async def send_test(
    project_id: UUID,
    webhook_id: UUID,
    caller: CurrentCaller,
    deliveries: WebhookDeliveriesDep,
    once: Once,
    wait: Wait = 0,
) -> Response:
    """For editors and owners: an event `webhook.test`, signed like all, tried once, and no failure of the webhook."""
    return await once(partial(_sent, project_id), deliveries.test, caller.id, project_id, webhook_id, wait)


@router.get(
    "/{project_id}/webhooks/{webhook_id}/deliveries",
    operation_id="projects_webhooks_deliveries_list",
    summary="List deliveries",
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def list_deliveries(
    project_id: UUID,
    webhook_id: UUID,
    caller: CurrentCaller,
    page: PageQuery,
    chosen: SelectionQuery,
    deliveries: WebhookDeliveriesDep,
) -> Page[Delivery]:
    """For editors and owners; newest first, each with its tries, kept for WEBHOOK_RETENTION_DAYS."""
    return await deliveries.list(caller.id, project_id, webhook_id, chosen, page.limit, page.cursor)


@router.get(
    "/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}",
    operation_id="projects_webhooks_deliveries_read",
    summary="Read a delivery",
    response_model=Delivery,
    responses={**TAGGED_READ, **problems(401, 403, 404, 422, 429, 503)},
)
async def read_delivery(
    project_id: UUID,
    webhook_id: UUID,
    delivery_id: UUID,
    caller: CurrentCaller,
    deliveries: WebhookDeliveriesDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """For editors and owners; with its tries."""
    return tagged(await deliveries.read(caller.id, project_id, webhook_id, delivery_id), if_none_match)


@router.post(
    "/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id="projects_webhooks_deliveries_replay",
    summary="Send a message once more",
    status_code=202,
    response_model=Delivery,
    responses={**_ENDED, **_SENT_ERRORS},
)
async def replay_delivery(
    project_id: UUID,
    webhook_id: UUID,
    delivery_id: UUID,
    caller: CurrentCaller,
    deliveries: WebhookDeliveriesDep,
    once: Once,
    wait: Wait = 0,
) -> Response:
    """For editors and owners: the same body under the same `webhook-id`, to the webhook's present URL.

    Standard Webhooks keeps the id of a message that is sent again, so a receiver that has dealt with it ignores it.
    """
    render = partial(_sent, project_id)
    return await once(render, deliveries.replay, caller.id, project_id, webhook_id, delivery_id, wait)


def _sent(project_id: UUID, delivery: Delivery) -> Response:
    place = f"{router.prefix}/{project_id}/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}"
    status = 200 if delivery.attempts else 202
    return json_answer(delivery, status, {"Location": place, **({} if delivery.attempts else {"Retry-After": "1"})})
