"""`/metrics` for Prometheus, shown only to allowed networks; to others it does not exist."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from shared.addresses import is_allowed, parse_networks
from shared.config import Settings
from shared.errors import NotFound
from shared.metrics.exposition import Exposition


def add_metrics(app: FastAPI, exposition: Exposition, settings: Settings) -> None:
    """Serve the figures to peers in METRICS_ALLOW, whatever forwarded headers say.

    What a proxy forwards is not its own question, and is not answered, though the proxy itself might be allowed to ask.
    """
    allowed, proxies = parse_networks(settings.metrics_allow), parse_networks(settings.trusted_proxies)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        is_forwarded = "x-forwarded-for" in request.headers and is_allowed(request.scope, proxies)
        if is_forwarded or not is_allowed(request.scope, allowed):
            raise NotFound("Nothing is served under this path; see /docs for what is.")
        text, media_type = await exposition.render(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": media_type})
