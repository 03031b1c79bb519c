"""/api/v1/projects/{id}/webhooks: where a project's events are sent to."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_CREATED, TAGGED_READ, json_answer, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import WebhooksDep
from ..schemas.webhooks import CreatedWebhook, RotatedSecret, SecretRotation, Webhook, WebhookCreate, WebhookUpdate
from ..services.webhooks import etag
from .auth import NO_STORE

router = APIRouter(prefix="/api/v1/projects", tags=["webhooks"])


@router.get(
    "/{project_id}/webhooks",
    operation_id="projects_webhooks_list",
    summary="List webhooks",
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def list_webhooks(
    project_id: UUID, caller: CurrentCaller, page: PageQuery, webhooks: WebhooksDep
) -> Page[Webhook]:
    """Newest first, never with their secrets. Viewers see the beginning of each URL."""
    return await webhooks.list(caller.id, project_id, page.limit, page.cursor)


@router.post(
    "/{project_id}/webhooks",
    operation_id="projects_webhooks_create",
    summary="Make a webhook",
    status_code=201,
    response_model=CreatedWebhook,
    responses={**TAGGED_CREATED, **problems(400, 401, 403, 404, 409, 413, 422, 429, 503)},
)
async def create_webhook(
    project_id: UUID, body: WebhookCreate, caller: CurrentCaller, webhooks: WebhooksDep, once: Once
) -> Response:
    """For editors and owners; at most twenty a project. The secret is in this answer and nowhere else: keep it.

    Messages are signed and delivered as Standard Webhooks 1.0 says: headers `webhook-id`, `webhook-timestamp` and
    `webhook-signature` (several signatures while a secret is being changed), and a body of `type`, `timestamp` and
    `data`. Any answer of 2xx counts as delivered; 410 switches the webhook off; everything else is tried again with
    growing pauses, from 5 seconds to 10 hours, or later if Retry-After asks for it. A message may arrive more than
    once, always under the same `webhook-id`, and messages may overtake each other.
    """
    return await once(_created, webhooks.create, caller.id, project_id, body)


@router.get(
    "/{project_id}/webhooks/{webhook_id}",
    operation_id="projects_webhooks_read",
    summary="Read a webhook",
    response_model=Webhook,
    responses={**TAGGED_READ, **problems(401, 404, 422, 429, 503)},
)
async def read_webhook(
    project_id: UUID,
    webhook_id: UUID,
    caller: CurrentCaller,
    webhooks: WebhooksDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Without its secret; for viewers with the beginning of its URL only."""
    return tagged(await webhooks.read(caller.id, project_id, webhook_id), if_none_match)


@router.patch(
    "/{project_id}/webhooks/{webhook_id}",
    operation_id="projects_webhooks_update",
    summary="Change a webhook",
    response_model=Webhook,
    responses={**TAGGED, **problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)},
)
async def update_webhook(
    project_id: UUID,
    webhook_id: UUID,
    body: WebhookUpdate,
    caller: CurrentCaller,
    webhooks: WebhooksDep,
    if_match: IfMatch = None,
) -> Response:
    """For editors and owners. Switched off, it keeps what waits; `is_active: true` sends that and forgets failures."""
    return tagged(await webhooks.update(caller.id, project_id, webhook_id, body, if_match))


@router.delete(
    "/{project_id}/webhooks/{webhook_id}",
    operation_id="projects_webhooks_delete",
    summary="Remove a webhook",
    status_code=204,
    responses=problems(401, 403, 404, 409, 412, 422, 429, 503),
)
async def delete_webhook(
    project_id: UUID,
    webhook_id: UUID,
    caller: CurrentCaller,
    webhooks: WebhooksDep,
    if_match: IfMatch = None,
) -> None:
    """For editors and owners. The log of its deliveries goes as well, and what was not sent yet is not sent."""
    await webhooks.remove(caller.id, project_id, webhook_id, if_match)


@router.post(
    "/{project_id}/webhooks/{webhook_id}/secret",
    operation_id="projects_webhooks_secret_rotate",
    summary="Change a webhook's secret",
    response_model=RotatedSecret,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def rotate_secret(
    project_id: UUID,
    webhook_id: UUID,
    body: SecretRotation,
    caller: CurrentCaller,
    webhooks: WebhooksDep,
    once: Once,
) -> Response:
    """For editors and owners. Until `previous_until` each message carries a signature by either secret."""
    return await once(_rotated, webhooks.rotate, caller.id, project_id, webhook_id, body)


def _created(webhook: CreatedWebhook) -> Response:
    place = f"{router.prefix}/{webhook.project_id}/webhooks/{webhook.id}"
    return tagged(webhook, tag=etag(webhook), status=201, headers={**NO_STORE, "Location": place})


def _rotated(secret: RotatedSecret) -> Response:
    return json_answer(secret, 200, NO_STORE)
