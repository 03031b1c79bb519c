"""`/metrics` for Prometheus, shown only to allowed networks; to others it does not exist."""

from collections.abc import Collection

from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import Response

from shared.addresses import is_allowed, parse_networks
from shared.errors import NotFound


def add_metrics(app: FastAPI, registry: CollectorRegistry, allowed: Collection[str]) -> None:
    """Serve the registry to peers in `allowed`; forwarded headers are ignored."""
    networks = parse_networks(allowed)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        if not is_allowed(request.scope, networks):
            raise NotFound("Nothing is served under this path; see /docs for what is.")
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
