"""Where things are found: the gateway's table of upstream paths, and links that fit the door a request came through."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request

GATEWAY_PREFIX = "/api/v1"

ServiceName = Literal["data-service", "ai-service"]


@dataclass(frozen=True, slots=True)
class GatewayRoute:
    """One family of paths that the gateway forwards."""

    gateway_prefix: str
    service: ServiceName
    upstream_prefix: str


GATEWAY_ROUTES = (
    GatewayRoute("/api/v1/upload", "data-service", "/upload"),
    GatewayRoute("/api/v1/datasets", "data-service", "/manage/datasets"),
    GatewayRoute("/api/v1/process", "data-service", "/process"),
    GatewayRoute("/api/v1/analysis", "ai-service", "/analysis"),
    GatewayRoute("/api/v1/models", "ai-service", "/models"),
    GatewayRoute("/api/v1/tasks", "ai-service", "/tasks"),
)


def public_path(prefix: str, path: str) -> str:
    """The path under which the client finds `path` of a service: the gateway's when that is where it knocked."""
    if prefix != GATEWAY_PREFIX:
        return path
    for route in GATEWAY_ROUTES:
        if path == route.upstream_prefix or path.startswith(route.upstream_prefix + "/"):
            return route.gateway_prefix + path.removeprefix(route.upstream_prefix)
    return path


def public_prefix(request: Request) -> str:
    """The gateway's prefix if the gateway says that it forwarded this request, else nothing."""
    return GATEWAY_PREFIX if request.headers.get("x-forwarded-prefix") == GATEWAY_PREFIX else ""


async def _public_prefix(request: Request) -> str:
    return public_prefix(request)


PublicPrefix = Annotated[str, Depends(_public_prefix)]
