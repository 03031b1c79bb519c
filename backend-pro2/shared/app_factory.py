"""Makes a service: the same middleware, errors, health, metrics and documentation around each one's routes."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from shared.addresses import AddressResolver
from shared.admission import Admission
from shared.auth import TokenCodec
from shared.config import MEBIBYTE, Settings
from shared.documentation import add_documentation
from shared.health import Health, Probe, health_router
from shared.hot_routes import HotRoutes
from shared.identity import Identifier, SessionCache
from shared.logging import configure_logging, get_logger
from shared.metrics_endpoint import add_metrics
from shared.middleware.access_log import AccessLog
from shared.middleware.body_limit import BodyLimitMiddleware
from shared.middleware.error_boundary import ErrorBoundaryMiddleware
from shared.middleware.metrics import HttpMetrics, MetricsMiddleware
from shared.middleware.rate_limit import Policies, RateLimitMiddleware
from shared.middleware.request_id import RequestIdMiddleware
from shared.problems import add_problem_handlers
from shared.resources import Resources, build_resources
from shared.schema_revision import check_schema
from shared.sentry import start_sentry
from shared.version import VERSION

log = get_logger(__name__)

# What a multipart body may add to the file it carries.
ENVELOPE_BYTES = MEBIBYTE

Lifespan = Callable[[FastAPI, Resources], AbstractAsyncContextManager[None]]


def create_service(
    *,
    name: str,
    title: str,
    description: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    resources: Resources | None = None,
    preload: tuple[str, ...] = (),
    probes: Sequence[Probe] = (),
    strict_paths: Collection[str] = (),
    upload_prefixes: Collection[str] = (),
    hot_routes: Mapping[tuple[str, str], ASGIApp] | None = None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """A FastAPI application of this instance.

    Nothing connects until the first request, so a service starts whether or not its dependencies have.

    Args:
        name: the service's name in logs, metrics and health.
        preload: modules that its compute children share.
        probes: dependencies beside PostgreSQL, Redis and the object store.
        strict_paths: where passwords are tried; limited by address.
        upload_prefixes: beginnings of paths where files arrive, up to MAX_UPLOAD_BYTES.
        hot_routes: (method, path) → ASGI application, served before any routing.
        lifespan: what the service itself sets up and tears down.
    """
    configure_logging(settings, name)
    start_sentry(settings, name)
    resources = resources or build_resources(settings, preload)
    health = Health(name, VERSION, settings.project_id, (*_own_probes(resources), *probes))
    app = FastAPI(
        title=title,
        description=description,
        version=VERSION,
        lifespan=_lifespan(resources, health, lifespan),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.resources = resources
    app.state.health = health
    cache = SessionCache(resources.redis, settings.access_token_expire_minutes * 60)
    app.state.session_cache = cache
    app.state.identifier = Identifier(resources.database, cache)
    add_problem_handlers(app)
    for router in (health_router(health), *routers):
        app.include_router(router)
    add_documentation(app)
    _add_middleware(app, name, settings, resources, strict_paths, upload_prefixes, hot_routes or {})
    return app


def _add_middleware(
    app: FastAPI,
    name: str,
    settings: Settings,
    resources: Resources,
    strict_paths: Collection[str],
    upload_prefixes: Collection[str],
    hot_routes: Mapping[tuple[str, str], ASGIApp],
) -> None:
    """Innermost first: the last one added sees a request first."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    add_metrics(app, registry, settings.metrics_allow)
    app.add_middleware(HotRoutes, routes=hot_routes)
    app.add_middleware(
        BodyLimitMiddleware,
        limit=settings.max_body_bytes,
        upload_limit=settings.max_upload_bytes + ENVELOPE_BYTES,
        upload_prefixes=upload_prefixes,
    )
    app.add_middleware(
        RateLimitMiddleware,
        admission=Admission(resources.redis, name),
        codec=TokenCodec(settings),
        policies=Policies.from_settings(settings, strict_paths),
        addresses=AddressResolver(settings.trusted_proxies),
    )
    app.add_middleware(ErrorBoundaryMiddleware)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"], max_age=600
        )
    app.add_middleware(
        MetricsMiddleware,
        metrics=HttpMetrics(registry),
        access_log=AccessLog(name, settings),
        slow_seconds=settings.slow_request_seconds,
    )
    app.add_middleware(RequestIdMiddleware)


def _own_probes(resources: Resources) -> tuple[Probe, ...]:
    return (
        Probe("postgres", critical=True, check=resources.database.ping),
        Probe("migrations", critical=True, check=lambda: check_schema(resources.database)),
        Probe("redis", critical=False, check=resources.redis.ping),
        Probe("object-store", critical=False, check=resources.object_store.ping),
    )


def _lifespan(
    resources: Resources, health: Health, own: Lifespan | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(resources.close)
            if own is not None:
                await stack.enter_async_context(own(app, resources))
            log.info("service_started")
            yield
            health.draining = True
            log.info("service_stopping")

    return run
