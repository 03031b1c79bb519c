"""Puts the gateway together: what each use case stands on, and what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from shared.addresses import AddressResolver
from shared.auth import PasswordHasher, TokenCodec
from shared.config import Settings
from shared.idempotency import forget_old_answers
from shared.identity import SessionCache
from shared.removed_objects import remove_objects
from shared.resources import Resources

from .clients.mail import mail_transport
from .clients.webhooks import LookUps, WebhookClient
from .core.webhook_secrets import SecretBox
from .dependencies import UseCases
from .repositories import unit_of_work
from .services.administrator import FirstAdministrator
from .services.api_keys import ApiKeyService
from .services.api_log_anonymity import ApiLogAnonymity
from .services.api_log_months import ApiLogMonths
from .services.api_log_writer import ApiLogWriter
from .services.api_logs import ApiLogService
from .services.auth import Authentication
from .services.avatars import AvatarService
from .services.egress import EgressService
from .services.erasures import ErasureService
from .services.exports import ExportService
from .services.housekeeping import Chore, Housekeeping
from .services.invitations import InvitationService
from .services.leftovers import Leftovers
from .services.login_guard import LoginGuard
from .services.mailer import Mailer
from .services.members import MemberService
from .services.password_check import PasswordCheck
from .services.passwords import Passwords
from .services.profiles import ProfileService
from .services.projects import ProjectService
from .services.quotas import QuotaService
from .services.refreshes import Refreshes
from .services.removals import RemovalService
from .services.sessions import LoginSessions
from .services.usage import UsageService
from .services.users import UserService
from .services.verifications import Verifications
from .services.webhook_deliveries import WebhookDeliveryService
from .services.webhook_sender import WebhookSender
from .services.webhook_upkeep import WebhookUpkeep
from .services.webhooks import WebhookService


@dataclass(frozen=True, slots=True)
class Background:
    """What the gateway does beside answering requests."""

    administrator: FirstAdministrator
    mailer: Mailer
    webhooks: WebhookSender
    look_ups: LookUps
    api_log: ApiLogWriter
    housekeeping: Housekeeping

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Begin; at the end what can be finished in a moment is finished, the log of calls last of all."""
        creating = asyncio.create_task(self.administrator.ensure_in_time())
        self.mailer.start()
        self.webhooks.start()
        self.api_log.start()
        self.housekeeping.start()
        yield
        await self.housekeeping.close()
        await asyncio.gather(self.mailer.close(), self.webhooks.close())
        self.look_ups.close()
        creating.cancel()
        with suppress(asyncio.CancelledError):
            await creating
        await self.api_log.close()


def background(settings: Settings, resources: Resources, hasher: PasswordHasher) -> Background:
    """The background of one process, not yet running."""
    begin = unit_of_work(resources.database)
    months = ApiLogMonths(begin, settings.api_log_retention_days)
    look_ups = LookUps()
    return Background(
        administrator=FirstAdministrator(begin, hasher, settings),
        mailer=Mailer(begin, mail_transport(settings), settings),
        webhooks=WebhookSender(begin, WebhookClient(settings, look_ups), SecretBox(settings), settings),
        look_ups=look_ups,
        api_log=ApiLogWriter(begin, months.prepare, AddressResolver(settings.trusted_proxies)),
        housekeeping=Housekeeping(chores(settings, resources)),
    )


def chores(settings: Settings, resources: Resources) -> dict[str, Chore]:
    """What every gateway does soon after its start and then every ten minutes."""
    begin = unit_of_work(resources.database)
    upkeep = WebhookUpkeep(begin, SecretBox(settings), settings)
    return {
        "api_log_months": ApiLogMonths(begin, settings.api_log_retention_days).tend,
        "api_log_anonymity": ApiLogAnonymity(begin).tend,
        "removed_projects": RemovalService(begin, resources.ledger).tidy,
        "leftovers": Leftovers(begin).remove,
        "webhook_deliveries": upkeep.forget,
        "webhook_secrets": upkeep.reseal,
        "kept_answers": partial(forget_old_answers, resources.database, settings.idempotency_hours),
    }


def use_cases(settings: Settings, resources: Resources, hasher: PasswordHasher, beside: Background) -> UseCases:
    """The use cases of one process."""
    begin, mailer = unit_of_work(resources.database), beside.mailer
    codec = TokenCodec(settings)
    cache = SessionCache(resources.redis, settings.access_token_expire_minutes * 60)
    guard = LoginGuard(resources.redis, settings)
    check = PasswordCheck(hasher, guard)
    remove = partial(remove_objects, resources.database, resources.object_store)
    avatars = AvatarService(begin, resources.object_store, remove)
    removals = RemovalService(begin, resources.ledger)
    return UseCases(
        authentication=Authentication(begin, hasher, check, codec, cache, mailer.wake, settings),
        refreshes=Refreshes(begin, codec, cache, settings),
        passwords=Passwords(begin, hasher, check, guard, cache, mailer.wake, settings),
        verifications=Verifications(begin, mailer.wake),
        sessions=LoginSessions(begin, cache),
        api_keys=ApiKeyService(begin, cache),
        users=UserService(begin, cache, check, mailer.wake),
        erasures=ErasureService(begin, cache, avatars, removals),
        profiles=ProfileService(begin, cache),
        avatars=avatars,
        usage=UsageService(begin, settings.llm_user_monthly_tokens),
        exports=ExportService(begin),
        projects=ProjectService(begin),
        members=MemberService(begin),
        invitations=InvitationService(begin, settings, mailer.wake),
        quotas=QuotaService(begin, settings),
        egress=EgressService(begin),
        removals=removals,
        api_logs=ApiLogService(begin),
        webhooks=WebhookService(begin, SecretBox(settings), settings),
        webhook_deliveries=WebhookDeliveryService(begin, beside.webhooks.wake),
    )
