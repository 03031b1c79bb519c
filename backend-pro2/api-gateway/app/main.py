"""The API gateway: `uvicorn api-gateway.app.main:app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.routing import Route

from shared.addresses import AddressResolver
from shared.app_factory import create_service
from shared.auth import PasswordHasher, TokenCodec
from shared.config import Settings, get_settings
from shared.health import Probe
from shared.links import GATEWAY_ROUTES
from shared.resources import Resources, build_resources

from .clients.upstreams import Upstreams
from .core.paths import PathMap
from .dependencies import JSON, Services
from .repositories import unit_of_work
from .routers import auth, projects
from .routers.forwarding import Forwarder, ForwardingRoute
from .services.administrator import FirstAdministrator
from .services.auth import Authentication
from .services.documentation import Documentation
from .services.projects import ProjectService

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

    @asynccontextmanager
    async def lifespan(_: FastAPI, __: Resources) -> AsyncIterator[None]:
        await upstreams.open()
        creating = asyncio.create_task(administrator.ensure_in_time())
        yield
        creating.cancel()
        with suppress(asyncio.CancelledError):
            await creating
        await upstreams.close()
        hasher.close()

    app = create_service(
        name="api-gateway",
        title="AI data-analysis platform",
        description=DESCRIPTION,
        settings=settings,
        routers=(auth.router, projects.router),
        resources=resources,
        probes=[Probe(name, critical=False, check=upstreams.probe(name)) for name in ("data-service", "ai-service")],
        strict_paths=auth.STRICT_PATHS,
        upload_prefixes=UPLOAD_PREFIXES,
        hot_routes={("GET", auth.ME): auth.hot_me},
        lifespan=lifespan,
    )
    app.state.services = _services(app, settings, resources, hasher)
    _add_forwarding(app, settings, upstreams)
    return app


def _services(app: FastAPI, settings: Settings, resources: Resources, hasher: PasswordHasher) -> Services:
    begin = unit_of_work(resources.database)
    codec = TokenCodec(settings)
    return Services(
        authentication=Authentication(begin, hasher, codec, app.state.session_cache, settings),
        projects=ProjectService(begin, resources.object_store),
        addresses=AddressResolver(settings.trusted_proxies),
    )


def _add_forwarding(app: FastAPI, settings: Settings, upstreams: Upstreams) -> None:
    """Put the services' paths and the merged document before the gateway's own routes."""
    forwarder = Forwarder(upstreams, AddressResolver(settings.trusted_proxies))
    documentation = Documentation(app.openapi, upstreams, GATEWAY_ROUTES)

    async def openapi(_: Request) -> Response:
        return Response(await documentation.document(), media_type=JSON)

    app.router.routes[:0] = [
        ForwardingRoute(PathMap(GATEWAY_ROUTES), forwarder),
        Route("/openapi.json", openapi, include_in_schema=False),
    ]


app = create_app()
