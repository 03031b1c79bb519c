"""What routes ask for by type."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from shared.addresses import AddressResolver
from shared.errors import UnsupportedMediaType

from .schemas.auth import Login, LoginForm
from .services.auth import Authentication, Client
from .services.projects import ProjectService

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAXIMUM_FORM_FIELDS = 20
MAXIMUM_USER_AGENT = 400


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of one process, in `app.state.services`."""

    authentication: Authentication
    projects: ProjectService
    addresses: AddressResolver


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _authentication(request: Request) -> Authentication:
    return _services(request).authentication


def _projects(request: Request) -> ProjectService:
    return _services(request).projects


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


Authenticating = Annotated[Authentication, Depends(_authentication)]
Credentials = Annotated[Login, Depends(_credentials)]
CallingClient = Annotated[Client, Depends(_client)]
Projects = Annotated[ProjectService, Depends(_projects)]
