"""Error reports to Sentry, stripped of everything that could be a secret or somebody's data."""

from typing import TYPE_CHECKING

from shared.config import Settings
from shared.version import VERSION

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_REQUEST_SECRETS = ("headers", "cookies", "data", "query_string", "env")


def start_sentry(settings: Settings, service: str) -> None:
    """Report errors if SENTRY_DSN is set; the SDK is not even loaded otherwise."""
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        release=VERSION,
        environment=settings.environment,
        server_name=f"{settings.project_id}-{service}",
        include_local_variables=False,
        max_request_body_size="never",
        before_send=strip_event,
    )


def strip_event(event: "Event", _: "Hint") -> "Event":
    """Leave method and path of a request, and of the user only the id."""
    request = event.get("request", {})
    for member in _REQUEST_SECRETS:
        request.pop(member, None)
    event.pop("extra", None)
    user = event.get("user")
    if user:
        event["user"] = {"id": user["id"]} if "id" in user else {}
    return event
