"""Makes a service: the same middleware, errors, health, metrics and documentation around each one's routes."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from shared.addresses import AddressResolver
from shared.admission import Admission
from shared.auth import TokenCodec
from shared.config import MEBIBYTE, Settings
from shared.credentials import CredentialReader, KeyRing
from shared.documentation import add_documentation
from shared.garbage import relax_collector
from shared.health import Health, Probe, health_router
from shared.hot_routes import HotRoutes
from shared.http_workers import among_siblings
from shared.identity import Identifier, SessionCache, key_finder
from shared.logging import OUTPUT, configure_logging, get_logger, watch_loop
from shared.metrics.exposition import Exposition
from shared.metrics.http import HttpMetrics
from shared.metrics.process import ServiceFigures, add_disks, add_readiness, watched_loop
from shared.metrics.readings import Readings
from shared.metrics_endpoint import add_metrics
from shared.middleware.access_log import AccessLog, RequestSink
from shared.middleware.body_limit import BodyLimitMiddleware
from shared.middleware.error_boundary import ErrorBoundaryMiddleware
from shared.middleware.metrics import MetricsMiddleware
from shared.middleware.rate_limit import Policies, RateLimitMiddleware
from shared.middleware.request_id import RequestIdMiddleware
from shared.middleware.tracing import TracingMiddleware
from shared.problems import add_problem_handlers
from shared.resources import Resources, build_resources
from shared.routing import narrow
from shared.schema_revision import check_schema
from shared.sentry import finish_reports, start_sentry
from shared.service import Service
from shared.tracing import is_tracing
from shared.tracing.setup import start_tracing, stop_tracing
from shared.version import VERSION

log = get_logger(__name__)

# What a multipart body may add to the file it carries.
ENVELOPE_BYTES = MEBIBYTE
# Beside the few that a browser shows to a page of another origin anyway.
EXPOSED_HEADERS = (
    *("ETag", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed", "Content-Disposition"),
    *("RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    *("X-Row-Count", "X-Content-SHA256"),
)

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
    upload_paths: re.Pattern[str] | None = None,
    hot_routes: Mapping[tuple[str, str], ASGIApp] | None = None,
    lifespan: Lifespan | None = None,
    request_sink: RequestSink | None = None,
) -> Service:
    """A FastAPI application of this instance.

    Nothing connects until the first request, so a service starts whether or not its dependencies have.

    Args:
        name: the service's name in logs, metrics and health.
        preload: modules that its compute children share.
        probes: dependencies beside PostgreSQL, Redis and the object store.
        strict_paths: where passwords are tried; limited by address.
        upload_paths: where files arrive, up to MAX_UPLOAD_BYTES.
        hot_routes: (method, path) → ASGI application, served before any routing.
        lifespan: what the service itself sets up and tears down.
        request_sink: told of every finished request.
    """
    configure_logging(settings, name)
    start_sentry(settings, name)
    start_tracing(settings, name)
    relax_collector()
    resources = resources or build_resources(settings, preload)
    health = Health(name, VERSION, settings.project_id, (*_own_probes(resources), *probes))
    app = Service(
        title=title,
        description=description,
        version=VERSION,
        lifespan=_lifespan(resources, health, lifespan),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Spans, metrics and logs are ours; the framework's would hold bodies, and each request would look whether to.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.resources = resources
    app.state.health = health
    cache = SessionCache(resources.redis, settings.access_token_expire_minutes * 60)
    app.state.identifier = Identifier(resources.database, cache)
    add_problem_handlers(app)
    for router in (health_router(health), *routers):
        app.include_router(narrow(router))
    add_documentation(app)
    # Inside the framework's own net, which would else answer an unexpected error in its own way.
    app.add_middleware(ErrorBoundaryMiddleware)
    registry = _show_figures(app, health, settings)
    edge: ASGIApp = HotRoutes(_bounded(app, settings, upload_paths), hot_routes or {}, app)
    edge = _admitted(edge, name, settings, resources, strict_paths)
    app.state.access_log = AccessLog(name, settings)
    sinks = [app.state.access_log, *([request_sink] if request_sink else [])]
    app.edge = _observed(edge, HttpMetrics(registry), sinks, settings)
    return app


def _show_figures(app: Service, health: Health, settings: Settings) -> CollectorRegistry:
    """`/metrics`; what the service itself adds to `app.state.readings` is read when somebody asks."""
    registry, readings = CollectorRegistry(), Readings()
    registry.register(ServiceFigures(health.service, health.project, lambda: health.draining))
    add_disks(readings, settings.cache_dir)
    add_readiness(readings, health.is_ready)
    app.state.metrics_registry, app.state.readings = registry, readings
    app.state.exposition = Exposition(registry, readings)
    add_metrics(app, app.state.exposition, settings)
    return registry


def _bounded(app: Service, settings: Settings, upload_paths: re.Pattern[str] | None) -> ASGIApp:
    """The framework, behind the limits of bodies."""
    largest = settings.max_upload_bytes + ENVELOPE_BYTES
    return BodyLimitMiddleware(app.framework, settings.max_body_bytes, largest, upload_paths)


def _admitted(
    app: ASGIApp, name: str, settings: Settings, resources: Resources, strict_paths: Collection[str]
) -> ASGIApp:
    """Behind identification and rate limits; whatever is raised from here on becomes a problem document."""
    limited = RateLimitMiddleware(
        app,
        admission=Admission(resources.redis, name),
        credentials=CredentialReader(TokenCodec(settings), KeyRing(key_finder(resources.database))),
        policies=Policies.from_settings(settings, strict_paths),
        addresses=AddressResolver(settings.trusted_proxies),
    )
    return ErrorBoundaryMiddleware(limited)


def _observed(app: ASGIApp, metrics: HttpMetrics, sinks: Sequence[RequestSink], settings: Settings) -> ASGIApp:
    """Behind CORS, measured and logged, and each request with an id: the outermost layers."""
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )
    measured = MetricsMiddleware(app, metrics, sinks, settings.slow_request_seconds)
    return RequestIdMiddleware(TracingMiddleware(measured) if is_tracing() else measured)


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
            watch_loop(asyncio.get_running_loop())
            # Last of all, so that what the others do when they close is told too.
            stack.push_async_callback(asyncio.to_thread, OUTPUT.flush)
            stack.callback(app.state.access_log.flush)
            stack.push_async_callback(asyncio.to_thread, finish_reports)
            stack.push_async_callback(asyncio.to_thread, stop_tracing)
            stack.push_async_callback(resources.close)
            await stack.enter_async_context(watched_loop())
            await stack.enter_async_context(among_siblings(app.state.exposition))
            if own is not None:
                await stack.enter_async_context(own(app, resources))
            log.info("service_started")
            yield
            health.draining = True
            log.info("service_stopping")

    return run
