"""What routes ask for by type."""

from dataclasses import dataclass
from typing import Annotated
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

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAXIMUM_FORM_FIELDS = 20
MAXIMUM_USER_AGENT = 400


@dataclass(frozen=True, slots=True)
class AuthServices:
    """The use cases of /auth."""

    authentication: Authentication
    refreshes: Refreshes
    passwords: Passwords
    verifications: Verifications
    sessions: LoginSessions
    api_keys: ApiKeyService


@dataclass(frozen=True, slots=True)
class UserServices:
    """The use cases of /users."""

    users: UserService
    erasures: ErasureService
    profiles: ProfileService
    avatars: AvatarService
    usage: UsageService
    exports: ExportService


@dataclass(frozen=True, slots=True)
class ProjectServices:
    """The use cases of /projects."""

    projects: ProjectService
    members: MemberService
    invitations: InvitationService
    quotas: QuotaService
    removals: RemovalService


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of one process, in `app.state.services`."""

    of_auth: AuthServices
    of_projects: ProjectServices
    api_logs: ApiLogService
    addresses: AddressResolver
    of_users: UserServices


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _of_auth(request: Request) -> AuthServices:
    return _services(request).of_auth


def _projects(request: Request) -> ProjectService:
    return _services(request).of_projects.projects


def _members(request: Request) -> MemberService:
    return _services(request).of_projects.members


def _invitations(request: Request) -> InvitationService:
    return _services(request).of_projects.invitations


def _quotas(request: Request) -> QuotaService:
    return _services(request).of_projects.quotas


def _removals(request: Request) -> RemovalService:
    return _services(request).of_projects.removals


def _api_logs(request: Request) -> ApiLogService:
    return _services(request).api_logs


def _of_users(request: Request) -> UserServices:
    return _services(request).of_users


async def _picture(request: Request) -> bytes:
    """The body, which is refused as soon as it is larger than any picture may be."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAXIMUM_PICTURE_BYTES:
            raise PayloadTooLarge(f"A picture may have at most {MAXIMUM_PICTURE_BYTES} bytes.")
    return body


def _client(request: Request) -> Client:
    agent = request.headers.get("user-agent")
    return Client(_services(request).addresses.of(request.scope), agent and agent[:MAXIMUM_USER_AGENT])


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


ApiLogs = Annotated[ApiLogService, Depends(_api_logs)]
OfAuth = Annotated[AuthServices, Depends(_of_auth)]
Credentials = Annotated[Login, Depends(_credentials)]
CallingClient = Annotated[Client, Depends(_client)]
Projects = Annotated[ProjectService, Depends(_projects)]
Members = Annotated[MemberService, Depends(_members)]
Invitations = Annotated[InvitationService, Depends(_invitations)]
Quotas = Annotated[QuotaService, Depends(_quotas)]
Removals = Annotated[RemovalService, Depends(_removals)]
OfUsers = Annotated[UserServices, Depends(_of_users)]
Picture = Annotated[bytes, Depends(_picture)]
