"""/api/v1/auth: accounts and logins."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from shared.idempotency import OnceByAddress
from shared.identity import CurrentCaller, SessionCaller
from shared.models.user import PublicUser
from shared.schemas import problems

from ..dependencies import FORM, JSON, AuthenticationDep, CallingClient, Credentials, RefreshesDep
from ..schemas.auth import Login, LoginForm, Refresh, Registration, Tokens, User

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])

ME = "/api/v1/auth/me"
# Where passwords and tokens can be guessed, and mail can be caused; limited by address.
STRICT_PATHS = tuple(
    f"/api/v1/auth/{path}"
    for path in (
        *("register", "login", "refresh", "change-password", "forgot-password", "reset-password"),
        *("verify-email", "resend-verification"),
    )
)

NO_STORE = {"Cache-Control": "no-store"}
_LOGIN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": Login.model_json_schema()},
            FORM: {"schema": LoginForm.model_json_schema()},
        },
    }
}


@router.post(
    "/register",
    operation_id="auth_register",
    summary="Create an account",
    status_code=201,
    response_model=User,
    responses=problems(400, 409, 413, 422, 429, 503),
)
async def register(registration: Registration, authentication: AuthenticationDep, once: OnceByAddress) -> Response:
    """The address is kept in lower case and belongs to one account; the role is always `user`.

    Where the instance wants addresses proven, a mail is sent; until its token came back, no login succeeds.
    """
    return await once(_registered, authentication.register, registration)


@router.post(
    "/login",
    operation_id="auth_login",
    summary="Log in",
    response_model=Tokens,
    responses=problems(400, 401, 403, 413, 415, 422, 429, 503),
    openapi_extra=_LOGIN_BODY,
)
async def login(
    credentials: Credentials, client: CallingClient, authentication: AuthenticationDep, response: Response
) -> Tokens:
    """Takes JSON, or the form of OAuth 2's password grant. A wrong password and an unknown address look alike.

    After too many wrong ones the answer is 429 `too_many_attempts`, for this account from this address; sessions go on.
    """
    response.headers.update(NO_STORE)
    return await authentication.login(credentials.email, credentials.password, client)


@router.post(
    "/refresh",
    operation_id="auth_refresh",
    summary="Exchange a refresh token for the next pair",
    response_model=Tokens,
    responses=problems(400, 401, 413, 422, 429, 503),
)
async def refresh(body: Refresh, refreshes: RefreshesDep, response: Response) -> Tokens:
    """Each refresh token works once; repeated within seconds it yields the same successor, later the session ends."""
    response.headers.update(NO_STORE)
    return await refreshes.refresh(body.refresh_token)


@router.post(
    "/logout",
    operation_id="auth_logout",
    summary="End this session",
    status_code=204,
    responses=problems(401, 403, 429, 503),
)
async def logout(caller: SessionCaller, authentication: AuthenticationDep) -> None:
    """Access and refresh token of this session stop working at once."""
    await authentication.logout(caller.session_id)


@router.post(
    "/logout-all",
    operation_id="auth_logout_all",
    summary="End all sessions of this user",
    status_code=204,
    responses=problems(401, 403, 429, 503),
)
async def logout_all(caller: SessionCaller, authentication: AuthenticationDep) -> None:
    """Every device has to log in again."""
    await authentication.logout_all(caller.id)


@router.get(
    "/me",
    operation_id="auth_me",
    summary="Who am I?",
    response_model=User,
    responses=problems(401, 429, 503),
)
async def me(request: Request, _: CurrentCaller) -> Response:
    """The user behind the access token."""
    return Response(await request.app.state.identifier.user_json(request.scope), media_type=JSON)


async def hot_me(scope: Scope, _: Receive, send: Send) -> None:
    """The same answer as `me` in front of the framework: the bytes that admission brought from Redis, as they are."""
    body: bytes = await scope["app"].state.identifier.user_json(scope)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _registered(user: PublicUser) -> Response:
    return Response(user.as_json(), status_code=201, media_type=JSON)
