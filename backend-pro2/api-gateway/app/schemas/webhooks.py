"""Bodies of /projects/{id}/webhooks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel, one_line
from shared.webhook_outbox import WebhookEvent

from ..core.webhook_secrets import key_of

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwGzPfUq3MnQE="  # noqa: S105 - an example
_WEBHOOK: dict[str, JsonValue] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "project_id": "01890a5d-ac96-774b-bcce-b302099a8058",
    "url": "https://hooks.example.com/analysis",
    "events": ["task.succeeded", "task.failed"],
    "description": "Tells the lab's dashboard.",
    "is_active": True,
    "disabled_reason": None,
    "failures": 0,
    "created_by": "01890a5d-ac96-774b-bcce-b302099a8059",
    "created_at": "2026-01-31T12:00:00.123456Z",
    "updated_at": "2026-01-31T12:00:00.123456Z",
}


def _each_once(events: list[WebhookEvent]) -> list[WebhookEvent]:
    return list(dict.fromkeys(events))


def _usable(secret: str) -> str:
    key_of(secret)
    return secret


Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    AfterValidator(one_line),
    Field(
        description="http or https, without credentials, at a public address (or in WEBHOOK_NETWORKS). It is looked up "
        "for every try and judged again; redirects are not followed."
    ),
]
Events = Annotated[list[WebhookEvent], Field(min_length=1, max_length=20), AfterValidator(_each_once)]
Description = Annotated[str, Field(max_length=1000)]
Secret = Annotated[
    str,
    Field(
        min_length=16,
        max_length=128,
        description="`whsec_` and base64 of 24 to 64 bytes, as Standard Webhooks has it; else a text of 16 to 64 "
        "printable characters, whose bytes are the key, and which the answer shows in the form of the standard.",
    ),
    AfterValidator(_usable),
]


class WebhookCreate(RequestModel):
    """A webhook to be."""

    url: Url
    events: Events
    secret: Secret | None = Field(None, description="What to sign with; null: one is made.")
    description: Description = ""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"url": "https://hooks.example.com/analysis", "events": ["task.succeeded", "task.failed"]}
        }
    )


class WebhookUpdate(RequestModel):
    """Members that are absent stay as they are."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    is_active: bool | None = Field(
        None, description="False: nothing is sent; what waits goes out when it is true again. True forgets failures."
    )
    secret: Secret | None = Field(None, description="Sign with this one; the one before signs too for 24 hours.")

    model_config = ConfigDict(json_schema_extra={"example": {"is_active": True}})


class SecretRotation(RequestModel):
    """How to change the secret."""

    secret: Secret | None = Field(None, description="The new one; null: one is made.")
    previous_hours: int = Field(
        24, ge=0, le=168, description="How long the one before signs as well; 0 if it is in wrong hands."
    )

    model_config = ConfigDict(json_schema_extra={"example": {"previous_hours": 24}})


class Webhook(ApiModel):
    """A webhook. Its secret is shown when it is made, and never again."""

    id: UUID
    project_id: UUID
    url: str = Field(description="For viewers without path and query, which may hold a secret.")
    events: list[str]
    description: str
    is_active: bool
    disabled_reason: Literal["gone", "too_many_failures", "secret_unreadable"] | None = Field(
        description="Why it was switched off by itself: the receiver answered 410, ten deliveries in a row were given "
        "up, or SECRET_KEY was changed without keeping the old one (set another secret)."
    )
    failures: int = Field(description="Deliveries given up in a row.")
    created_by: UUID | None = Field(description="Null once that account is gone.")
    created_at: datetime
    updated_at: datetime

    model_config = ConfigDict(json_schema_extra={"example": _WEBHOOK})


class CreatedWebhook(Webhook):
    """A webhook with its secret, which is told here and never again."""

    secret: str = Field(description="In the form in which libraries of Standard Webhooks take it.")

    model_config = ConfigDict(json_schema_extra={"example": {**_WEBHOOK, "secret": _SECRET}})


class RotatedSecret(ApiModel):
    """The secret from now on, which is told here and never again."""

    secret: str
    previous_until: datetime | None = Field(description="Until then the one before signs as well; null: it does not.")

    model_config = ConfigDict(
        json_schema_extra={"example": {"secret": _SECRET, "previous_until": "2026-02-01T12:00:00.123456Z"}}
    )
