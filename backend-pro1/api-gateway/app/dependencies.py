"""What routes ask for by type; `async`, since FastAPI calls in a thread what is not."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from shared.addresses import AddressResolver
from shared.errors import PayloadTooLarge, UnsupportedMediaType

from .schemas.auth import Login, LoginForm
from .services.api_keys import ApiKeyService
from .services.api_logs import ApiLogService
from .services.auth import Authentication, Client
from .services.avatars import MAXIMUM_PICTURE_BYTES, AvatarService
from .services.egress import EgressService
from .services.erasures import ErasureService
from .services.exports import ExportService
from .services.invitations import InvitationService
from .services.members import MemberService
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
from .services.webhook_deliveries import WebhookDeliveryService
from .services.webhooks import WebhookService

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAXIMUM_FORM_FIELDS = 20
MAXIMUM_USER_AGENT = 400


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases of one process, in `app.state.use_cases`, each under its noun."""

    authentication: Authentication
    refreshes: Refreshes
    passwords: Passwords
    verifications: Verifications
    sessions: LoginSessions
    api_keys: ApiKeyService
    users: UserService
    erasures: ErasureService
    profiles: ProfileService
    avatars: AvatarService
    usage: UsageService
    exports: ExportService
    projects: ProjectService
    members: MemberService
    invitations: InvitationService
    quotas: QuotaService
    egress: EgressService
    removals: RemovalService
    api_logs: ApiLogService
    webhooks: WebhookService
    webhook_deliveries: WebhookDeliveryService


def _use_case(noun: str) -> Any:
    """A dependency that finds the use case of this noun."""

    async def find(request: Request) -> object:
        return getattr(request.app.state.use_cases, noun)

    return Depends(find)


def _address(request: Request) -> str:
    addresses: AddressResolver = request.app.state.addresses
    return addresses.of(request.scope)


async def _picture(request: Request) -> bytes:
    """The body, which is refused as soon as it is larger than any picture may be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAXIMUM_PICTURE_BYTES:
            raise PayloadTooLarge(f"A picture may have at most {MAXIMUM_PICTURE_BYTES} bytes.")
    return body


async def _client(request: Request) -> Client:
    agent = request.headers.get("user-agent")
    return Client(_address(request), agent and agent[:MAXIMUM_USER_AGENT])


async def _credentials(request: Request) -> Login:
    """The login in the body, whichever of its two forms it has."""
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if kind.strip() not in (JSON, FORM) or ("charset" in parameters and "utf-8" not in parameters):
        raise UnsupportedMediaType(f"Send the credentials as {JSON} or {FORM}, in UTF-8.")
    body = await request.body()
    try:
        return Login.model_validate_json(body) if kind.strip() == JSON else _from_form(body)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_input=False)]
        raise RequestValidationError(faults) from error


def _from_form(body: bytes) -> Login:
    text = body.decode("utf-8", "surrogateescape")
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAXIMUM_FORM_FIELDS)
    except ValueError:
        fields = []
    form = LoginForm.model_validate(dict(fields))
    return Login(email=form.username, password=form.password)


Credentials = Annotated[Login, Depends(_credentials)]
CallingClient = Annotated[Client, Depends(_client)]
Picture = Annotated[bytes, Depends(_picture)]

AuthenticationDep = Annotated[Authentication, _use_case("authentication")]
RefreshesDep = Annotated[Refreshes, _use_case("refreshes")]
PasswordsDep = Annotated[Passwords, _use_case("passwords")]
VerificationsDep = Annotated[Verifications, _use_case("verifications")]
SessionsDep = Annotated[LoginSessions, _use_case("sessions")]
ApiKeysDep = Annotated[ApiKeyService, _use_case("api_keys")]
UsersDep = Annotated[UserService, _use_case("users")]
ErasuresDep = Annotated[ErasureService, _use_case("erasures")]
ProfilesDep = Annotated[ProfileService, _use_case("profiles")]
AvatarsDep = Annotated[AvatarService, _use_case("avatars")]
UsageDep = Annotated[UsageService, _use_case("usage")]
ExportsDep = Annotated[ExportService, _use_case("exports")]
ProjectsDep = Annotated[ProjectService, _use_case("projects")]
MembersDep = Annotated[MemberService, _use_case("members")]
InvitationsDep = Annotated[InvitationService, _use_case("invitations")]
QuotasDep = Annotated[QuotaService, _use_case("quotas")]
EgressDep = Annotated[EgressService, _use_case("egress")]
RemovalsDep = Annotated[RemovalService, _use_case("removals")]
ApiLogsDep = Annotated[ApiLogService, _use_case("api_logs")]
WebhooksDep = Annotated[WebhookService, _use_case("webhooks")]
WebhookDeliveriesDep = Annotated[WebhookDeliveryService, _use_case("webhook_deliveries")]
