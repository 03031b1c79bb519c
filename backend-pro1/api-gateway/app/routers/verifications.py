"""/api/v1/auth: proofs that an e-mail address is its user's."""

from fastapi import APIRouter

from shared.schemas import problems

from ..dependencies import VerificationsDep
from ..schemas.passwords import Accepted
from ..schemas.verifications import EmailVerification, VerificationRequest

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])


@router.post(
    "/verify-email",
    operation_id="auth_verify_email",
    summary="Prove your e-mail address with a mailed token",
    status_code=204,
    responses=problems(400, 413, 422, 429, 503),
)
async def verify_email(body: EmailVerification, verifications: VerificationsDep) -> None:
    """The token works once, for a while, and only while the account has the address it was sent to."""
    await verifications.verify(body.token)


@router.post(
    "/resend-verification",
    operation_id="auth_resend_verification",
    summary="Have the proof of your e-mail address mailed again",
    status_code=202,
    response_model=Accepted,
    responses=problems(400, 413, 422, 429, 503),
)
async def resend_verification(body: VerificationRequest, verifications: VerificationsDep) -> Accepted:
    """The answer is the same whether or not an account has this address or still needs the proof."""
    await verifications.request(body.email)
    return Accepted()
