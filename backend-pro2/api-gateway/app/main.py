"""The API gateway: `uvicorn api-gateway.app.main:app`."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from prometheus_client.core import Metric
from starlette.responses import Response
from starlette.routing import Route

from shared.addresses import AddressResolver
from shared.app_factory import create_service
from shared.auth import PasswordHasher
from shared.config import Settings, get_settings
from shared.health import Probe
from shared.links import GATEWAY_ROUTES
from shared.metrics import certificates
from shared.resources import Resources, build_resources
from shared.service import Service

from .clients.certificates import certificate_expiry
from .clients.upstreams import Upstreams
from .composition import background, use_cases
from .core.paths import PathMap
from .dependencies import JSON
from .routers import (
    api_keys,
    api_logs,
    auth,
    egress,
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
    webhook_deliveries,
    webhooks,
)
from .routers.forwarding import Forwarder, ForwardingRoute
from .services.documentation import Documentation

DESCRIPTION = "Accounts, projects, and every operation of the instance's services under one origin."
# Where files pass through; everything else is small.
UPLOAD_PATHS = re.compile("/api/v1/(upload|datasets)/.*")
ROUTERS = (
    auth.router,
    passwords.router,
    verifications.router,
    sessions.router,
    api_keys.router,
    users.router,
    profiles.router,
    own_data.router,
    # Before the projects', whose paths would take its own for a project's id.
    invitations.router,
    projects.router,
    members.router,
    quotas.router,
    egress.router,
    removals.router,
    webhooks.router,
    webhook_deliveries.router,
    api_logs.router,
)


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The gateway of the instance that the settings name."""
    settings = settings or get_settings()
    resources = resources or build_resources(settings)
    upstreams = Upstreams({"data-service": settings.data_service_base, "ai-service": settings.ai_service_base})
    hasher = PasswordHasher(settings)
    beside = background(settings, resources, hasher)

    @asynccontextmanager
    async def lifespan(_: FastAPI, __: Resources) -> AsyncIterator[None]:
        await upstreams.open()
        async with beside.running():
            yield
        await upstreams.close()
        hasher.close()

    app = create_service(
        name="api-gateway",
        title="AI data-analysis platform",
        description=DESCRIPTION,
        settings=settings,
        routers=ROUTERS,
        resources=resources,
        probes=[Probe(name, critical=False, check=upstreams.probe(name)) for name in ("data-service", "ai-service")],
        strict_paths=auth.STRICT_PATHS,
        upload_paths=UPLOAD_PATHS,
        hot_routes={("GET", auth.ME): auth.hot_me},
        lifespan=lifespan,
        request_sink=beside.api_log,
    )
    app.state.addresses = AddressResolver(settings.trusted_proxies)
    app.state.use_cases = use_cases(settings, resources, hasher, beside)
    _add_forwarding(app, settings, upstreams)
    _watch_certificate(app, settings.app_url)
    return app


def _watch_certificate(app: Service, url: str) -> None:
    """Show when the certificate ends that people see, if the settings say where they are."""
    if not url.startswith("https://"):
        return

    async def read() -> Sequence[Metric]:
        return [certificates.EXPIRY.of(await certificate_expiry(url))]

    app.state.readings.add("certificate", read, certificates.PROBE_SECONDS)


def _add_forwarding(app: Service, settings: Settings, upstreams: Upstreams) -> None:
    """Put the services' paths before the framework, and the merged document before the gateway's own routes."""
    forwarder = Forwarder(upstreams, AddressResolver(settings.trusted_proxies))
    documentation = Documentation(app.openapi, upstreams, GATEWAY_ROUTES)

    async def openapi(_: Request) -> Response:
        return Response(await documentation.document(), media_type=JSON)

    app.shortcut = ForwardingRoute(PathMap(GATEWAY_ROUTES), forwarder)
    app.router.routes[:0] = [Route("/openapi.json", openapi, include_in_schema=False)]


app = create_app()
