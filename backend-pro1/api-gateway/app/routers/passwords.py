"""/api/v1/auth: a new password, for one known or one forgotten."""

from fastapi import APIRouter

from shared.identity import SessionCaller
from shared.schemas import problems

from ..dependencies import CallingClient, PasswordsDep
from ..schemas.passwords import Accepted, PasswordChange, PasswordForgotten, PasswordReset

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])


@router.post(
    "/change-password",
    operation_id="auth_change_password",
    summary="Change your password",
    status_code=204,
    responses=problems(400, 401, 403, 413, 422, 429, 503),
)
async def change_password(
    body: PasswordChange, caller: SessionCaller, client: CallingClient, passwords: PasswordsDep
) -> None:
    """Ends every other session of yours and tells you by mail; this session goes on, and so do API keys."""
    await passwords.change(caller, body.current_password, body.new_password, client.address)


@router.post(
    "/forgot-password",
    operation_id="auth_forgot_password",
    summary="Have a password reset mailed",
    status_code=202,
    response_model=Accepted,
    responses=problems(400, 413, 422, 429, 503),
)
async def forgot_password(body: PasswordForgotten, passwords: PasswordsDep) -> Accepted:
    """The answer is the same whether or not an account has this address; at most five mails an hour are sent."""
    await passwords.forgot(body.email)
    return Accepted()


@router.post(
    "/reset-password",
    operation_id="auth_reset_password",
    summary="Choose a new password with a mailed token",
    status_code=204,
    responses=problems(400, 413, 422, 429, 503),
)
async def reset_password(body: PasswordReset, client: CallingClient, passwords: PasswordsDep) -> None:
    """The token works once, for a while, and only while the account has the address it was sent to. Ends all sessions.

    A password that is refused does not use the token up.
    """
    await passwords.reset(body.token, body.new_password, client.address)
