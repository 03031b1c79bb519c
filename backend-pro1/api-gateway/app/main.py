"""The API gateway: `uvicorn api-gateway.app.main:app`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.routing import Route

from shared.addresses import AddressResolver
from shared.app_factory import create_service
from shared.auth import PasswordHasher, TokenCodec
from shared.config import Settings, get_settings
from shared.health import Probe
from shared.idempotency import forget_old_answers
from shared.identity import SessionCache
from shared.links import GATEWAY_ROUTES
from shared.resources import Resources, build_resources
from shared.service import Service

from .clients.mail import mail_transport
from .clients.upstreams import Upstreams
from .core.paths import PathMap
from .dependencies import JSON, AuthServices, ProjectServices, Services, UserServices
from .repositories import unit_of_work
from .routers import (
    api_keys,
    api_logs,
    auth,
    invitations,
    members,
    own_data,
    passwords,
    profiles,
    projects,
    quotas,
    removals,
    sessions,
    users,
    verifications,
)
from .routers.forwarding import Forwarder, ForwardingRoute
from .services.administrator import FirstAdministrator
from .services.api_keys import ApiKeyService
from .services.api_log_anonymity import ApiLogAnonymity
from .services.api_log_months import ApiLogMonths
from .services.api_log_writer import ApiLogWriter
from .services.api_logs import ApiLogService
from .services.auth import Authentication
from .services.avatars import AvatarService
from .services.documentation import Documentation
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

DESCRIPTION = "Accounts, projects, and every operation of the instance's services under one origin."
# Where files pass through; everything else is small.
UPLOAD_PREFIXES = ("/api/v1/upload/", "/api/v1/datasets/")


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The gateway of the instance that the settings name."""
    settings = settings or get_settings()
    resources = resources or build_resources(settings)
    upstreams = Upstreams({"data-service": settings.data_service_base, "ai-service": settings.ai_service_base})
    hasher = PasswordHasher(settings)
    administrator = FirstAdministrator(unit_of_work(resources.database), hasher, settings)
    months = ApiLogMonths(unit_of_work(resources.database), settings.api_log_retention_days)
    api_log = ApiLogWriter(unit_of_work(resources.database), months.prepare, AddressResolver(settings.trusted_proxies))
    removal = RemovalService(unit_of_work(resources.database), resources.ledger)
    leftovers = Leftovers(unit_of_work(resources.database))
    mailer = Mailer(unit_of_work(resources.database), mail_transport(settings), settings)
    housekeeping = Housekeeping(_chores(resources, settings, months, removal, leftovers))

    @asynccontextmanager
    async def lifespan(_: FastAPI, __: Resources) -> AsyncIterator[None]:
        await upstreams.open()
        creating = asyncio.create_task(administrator.ensure_in_time())
        mailer.start()
        api_log.start()
        housekeeping.start()
        yield
        await housekeeping.close()
        await mailer.close()
        creating.cancel()
        with suppress(asyncio.CancelledError):
            await creating
        await upstreams.close()
        await api_log.close()
        hasher.close()

    app = create_service(
        name="api-gateway",
        title="AI data-analysis platform",
        description=DESCRIPTION,
        settings=settings,
        routers=(
            auth.router,
            passwords.router,
            verifications.router,
            sessions.router,
            api_keys.router,
            invitations.router,
            projects.router,
            members.router,
            quotas.router,
            removals.router,
            api_logs.router,
            users.router,
            profiles.router,
            own_data.router,
        ),
        resources=resources,
        probes=[Probe(name, critical=False, check=upstreams.probe(name)) for name in ("data-service", "ai-service")],
        strict_paths=auth.STRICT_PATHS,
        upload_prefixes=UPLOAD_PREFIXES,
        hot_routes={("GET", auth.ME): auth.hot_me},
        lifespan=lifespan,
        request_sink=api_log,
    )
    app.state.metrics_registry.register(api_log.dropped)
    app.state.services = _services(app, settings, resources, hasher, mailer.wake)
    _add_forwarding(app, settings, upstreams)
    return app


def _chores(
    resources: Resources, settings: Settings, months: ApiLogMonths, removal: RemovalService, leftovers: Leftovers
) -> dict[str, Chore]:
    """What every gateway does soon after its start and then every ten minutes."""
    return {
        "api_log_months": months.tend,
        "api_log_anonymity": ApiLogAnonymity(unit_of_work(resources.database)).tend,
        "removed_projects": removal.tidy,
        "leftovers": leftovers.remove,
        "kept_answers": partial(forget_old_answers, resources.database, settings.idempotency_hours),
    }


def _services(
    app: FastAPI, settings: Settings, resources: Resources, hasher: PasswordHasher, wake_mailer: Callable[[], None]
) -> Services:
    cache = app.state.session_cache
    guard = LoginGuard(resources.redis, settings)
    check = PasswordCheck(hasher, guard)
    return Services(
        of_auth=_auth_services(cache, settings, resources, hasher, check, guard, wake_mailer),
        of_projects=_project_services(settings, resources, wake_mailer),
        api_logs=ApiLogService(unit_of_work(resources.database)),
        addresses=AddressResolver(settings.trusted_proxies),
        of_users=_user_services(cache, resources, check, wake_mailer),
    )


def _auth_services(
    cache: SessionCache,
    settings: Settings,
    resources: Resources,
    hasher: PasswordHasher,
    check: PasswordCheck,
    guard: LoginGuard,
    wake_mailer: Callable[[], None],
) -> AuthServices:
    begin = unit_of_work(resources.database)
    codec = TokenCodec(settings)
    return AuthServices(
        authentication=Authentication(begin, hasher, check, codec, cache, wake_mailer, settings),
        refreshes=Refreshes(begin, codec, cache, settings),
        passwords=Passwords(begin, hasher, check, guard, cache, wake_mailer, settings),
        verifications=Verifications(begin, wake_mailer),
        sessions=LoginSessions(begin, cache),
        api_keys=ApiKeyService(begin, cache),
    )


def _project_services(settings: Settings, resources: Resources, wake_mailer: Callable[[], None]) -> ProjectServices:
    begin = unit_of_work(resources.database)
    return ProjectServices(
        projects=ProjectService(begin),
        members=MemberService(begin),
        invitations=InvitationService(begin, settings, wake_mailer),
        quotas=QuotaService(begin, settings),
        removals=RemovalService(begin, resources.ledger),
    )


def _user_services(
    cache: SessionCache, resources: Resources, check: PasswordCheck, wake_mailer: Callable[[], None]
) -> UserServices:
    begin = unit_of_work(resources.database)
    avatars = AvatarService(begin, resources.object_store)
    return UserServices(
        users=UserService(begin, cache, check, wake_mailer),
        erasures=ErasureService(begin, cache, avatars, RemovalService(begin, resources.ledger)),
        profiles=ProfileService(begin, cache),
        avatars=avatars,
        usage=UsageService(begin),
        exports=ExportService(begin),
    )


def _add_forwarding(app: Service, settings: Settings, upstreams: Upstreams) -> None:
    """Put the services' paths before the framework, and the merged document before the gateway's own routes."""
    forwarder = Forwarder(upstreams, AddressResolver(settings.trusted_proxies))
    documentation = Documentation(app.openapi, upstreams, GATEWAY_ROUTES)

    async def openapi(_: Request) -> Response:
        return Response(await documentation.document(), media_type=JSON)

    app.shortcut = ForwardingRoute(PathMap(GATEWAY_ROUTES), forwarder)
    app.router.routes[:0] = [Route("/openapi.json", openapi, include_in_schema=False)]


app = create_app()
