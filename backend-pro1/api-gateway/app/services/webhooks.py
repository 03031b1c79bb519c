"""Webhooks: where the events of a project are sent to, as its editors wish."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from shared.addresses import parse_networks
from shared.config import Settings
from shared.errors import NotFound
from shared.etags import etag_of_model, require_current
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectArchived, ProjectRole, require_project
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page
from shared.url_guard import parse_url, require_outside
from shared.webhook_outbox import MAXIMUM_WEBHOOKS

from ..core.exceptions import TooManyWebhooks
from ..core.webhook_secrets import SecretBox, SecretUnreadable, SigningKey, key_of, new_key, shown, succeed
from ..repositories import Repositories, UnitOfWork
from ..repositories.webhooks import NewWebhook, WebhookRecord
from ..schemas.webhooks import CreatedWebhook, RotatedSecret, SecretRotation, Webhook, WebhookCreate, WebhookUpdate
from .projects import require_role, seen

log = get_logger(__name__)

GRACE = timedelta(hours=24)


def etag(webhook: Webhook) -> str:
    """The entity tag of a webhook as one member sees it, whether or not its secret stands beside it."""
    return etag_of_model(Webhook(**webhook.model_dump(include=set(Webhook.model_fields))))


class WebhookService:
    """Use cases of /projects/{id}/webhooks: members read, editors change.

    Raises (all methods):
        NotFound: the project, or the webhook in it, is absent or not the user's to see.
        Forbidden: the user may see it but not do that.
        ProjectArchived: it would change something in an archived project.
    """

    def __init__(self, begin: UnitOfWork, box: SecretBox, settings: Settings) -> None:
        self._begin = begin
        self._box = box
        self._networks = parse_networks(settings.webhook_networks)

    async def create(self, user_id: UUID, project_id: UUID, wanted: WebhookCreate) -> CreatedWebhook:
        """A webhook, with its secret.

        Raises:
            Invalid: `url_refused`. TooManyWebhooks: remove one first.
        """
        self._judge(wanted.url)
        webhook_id, key = new_id(), key_of(wanted.secret) if wanted.secret else new_key()
        sealed = self._box.close(webhook_id, [SigningKey(key)])
        values = (wanted.url, wanted.events, sealed, wanted.description, user_id)
        async with self._begin() as repositories:
            project = seen(await repositories.projects.lock(user_id, project_id))
            require_role(project, ProjectRole.EDITOR)
            if project.archived:
                raise ProjectArchived
            if await repositories.webhooks.count(project_id) >= MAXIMUM_WEBHOOKS:
                raise TooManyWebhooks
            made = await repositories.webhooks.insert(NewWebhook(webhook_id, project_id, *values))
            created = CreatedWebhook(**_body(made, ProjectRole.EDITOR).model_dump(), secret=shown(key))
            await keep_answer(repositories.session, created)
        log.info("webhook_created", project_id=str(project_id), webhook_id=str(webhook_id))
        return created

    async def list(self, user_id: UUID, project_id: UUID, limit: int, cursor: str | None) -> Page[Webhook]:
        """One page, newest first."""
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            role = await require_project(repositories.session, project_id, user_id)
            rows = await repositories.webhooks.page_of(project_id, limit + 1, before)
        return page_of(rows, limit, lambda row: _body(row, role), lambda row: row.id)

    async def read(self, user_id: UUID, project_id: UUID, webhook_id: UUID) -> Webhook:
        """One webhook."""
        async with self._begin(read_only=True) as repositories:
            role = await require_project(repositories.session, project_id, user_id)
            return _body(_found(await repositories.webhooks.find(project_id, webhook_id)), role)

    async def update(
        self, user_id: UUID, project_id: UUID, webhook_id: UUID, change: WebhookUpdate, if_match: str | None
    ) -> Webhook:
        """The webhook after a change.

        Raises:
            Invalid: `url_refused`. PreconditionFailed: somebody else changed it since the caller read it.
        """
        if change.url is not None:
            self._judge(change.url)
        async with self._begin() as repositories:
            found = await _held(repositories, user_id, project_id, webhook_id)
            require_current(if_match, etag(_body(found, ProjectRole.EDITOR)), "webhook")
            await _apply(repositories, found, change)
            if change.secret is not None:
                await self._replace_secret(repositories, webhook_id, key_of(change.secret), GRACE)
            changed = _found(await repositories.webhooks.find(project_id, webhook_id))
        log.info("webhook_changed", project_id=str(project_id), webhook_id=str(webhook_id))
        return _body(changed, ProjectRole.EDITOR)

    async def rotate(self, user_id: UUID, project_id: UUID, webhook_id: UUID, wanted: SecretRotation) -> RotatedSecret:
        """Another secret, shown this once."""
        key = key_of(wanted.secret) if wanted.secret else new_key()
        async with self._begin() as repositories:
            await _held(repositories, user_id, project_id, webhook_id)
            keys = await self._replace_secret(repositories, webhook_id, key, timedelta(hours=wanted.previous_hours))
            until = keys[1].until if len(keys) > 1 else None
            rotated = RotatedSecret(secret=shown(key), previous_until=until)
            await keep_answer(repositories.session, rotated)
        log.info("webhook_secret_rotated", project_id=str(project_id), webhook_id=str(webhook_id))
        return rotated

    async def remove(self, user_id: UUID, project_id: UUID, webhook_id: UUID, if_match: str | None) -> None:
        """Remove it, and the log of its deliveries; what was not sent yet is not sent.

        Raises:
            PreconditionFailed: somebody else changed it since the caller read it.
        """
        async with self._begin() as repositories:
            found = await _held(repositories, user_id, project_id, webhook_id)
            require_current(if_match, etag(_body(found, ProjectRole.EDITOR)), "webhook")
            await repositories.webhooks.delete(webhook_id)
        log.info("webhook_removed", project_id=str(project_id), webhook_id=str(webhook_id))

    def _judge(self, url: str) -> None:
        require_outside(parse_url(url), self._networks)

    async def _replace_secret(
        self, repositories: Repositories, webhook_id: UUID, key: bytes, grace: timedelta
    ) -> tuple[SigningKey, ...]:
        try:
            keys = self._box.open(webhook_id, await repositories.webhooks.sealed(webhook_id))
        except SecretUnreadable:
            keys = ()
        replaced = succeed(keys, key, datetime.now(UTC), grace)
        await repositories.webhooks.set_secret(webhook_id, self._box.close(webhook_id, replaced))
        return replaced


async def _held(repositories: Repositories, user_id: UUID, project_id: UUID, webhook_id: UUID) -> WebhookRecord:
    await require_project(repositories.session, project_id, user_id, minimum=ProjectRole.EDITOR)
    return _found(await repositories.webhooks.lock(project_id, webhook_id))


async def _apply(repositories: Repositories, found: WebhookRecord, change: WebhookUpdate) -> None:
    is_active = found.is_active if change.is_active is None else change.is_active
    await repositories.webhooks.update(
        found.id,
        url=found.url if change.url is None else change.url,
        events=found.events if change.events is None else change.events,
        description=found.description if change.description is None else change.description,
        is_active=is_active,
    )
    if is_active != found.is_active:
        deliveries = repositories.webhook_deliveries
        await (deliveries.let_go if is_active else deliveries.keep_back)(found.id)


def _found(row: WebhookRecord | None) -> WebhookRecord:
    if row is None:
        raise NotFound
    return row


def _body(row: WebhookRecord, role: ProjectRole) -> Webhook:
    body = Webhook.model_validate(row)
    return body.model_copy(update={"url": _origin(row.url)}) if role is ProjectRole.VIEWER else body


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"
