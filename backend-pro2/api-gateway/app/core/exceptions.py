"""Errors that only the gateway raises."""

from http import HTTPStatus

from shared.errors import (
    APIException,
    Conflict,
    Forbidden,
    Invalid,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from shared.metrics import auth as metrics
from shared.metrics.auth import AuthFailure


class EmailTaken(Conflict):
    """Somebody registered with this address before."""

    code = "email_taken"


class TokenReused(Unauthorized):
    """A refresh token that was used up came back: it, or its successor, is in foreign hands."""

    code = "token_reused"


class WrongPassword(Invalid):
    """Not the caller's present password."""

    code = "wrong_password"

    def __init__(self) -> None:
        says = "This is not your present password."
        # Here, since it is raised at many places; so is the other one.
        metrics.failed(AuthFailure.WRONG_PASSWORD)
        super().__init__(says, errors=[{"loc": ["body", "current_password"], "msg": says}])


class WeakPassword(Invalid):
    """A new password that an attacker would try soon."""

    code = "weak_password"

    def __init__(self, fault: str, member: str) -> None:
        super().__init__(fault, errors=[{"loc": ["body", member], "msg": fault}])


class InvalidLink(Invalid):
    """A mailed token that was never given out, was used, has expired, or went to a former address."""

    code = "invalid_link"

    def __init__(self) -> None:
        says = "This link is not valid: it was used, has expired, or a part of it is missing. Ask for a new one."
        metrics.failed(AuthFailure.INVALID_LINK)
        super().__init__(says, errors=[{"loc": ["body", "token"], "msg": says}])


class EmailNotVerified(Forbidden):
    """The password is right, but this instance wants the address proven first."""

    code = "email_not_verified"


class TooManyAttempts(TooManyRequests):
    """Too many passwords were wrong, for this account or from this address."""

    code = "too_many_attempts"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many failed attempts; try again in {seconds} s, or reset the password.",
            headers={"Retry-After": str(seconds)},
        )


class TooManyApiKeys(Conflict):
    """A user has as many keys as one may have."""

    code = "too_many_api_keys"


class LastAdministrator(Conflict):
    """Without this one, nobody could administer the instance."""

    code = "last_administrator"

    def __init__(self) -> None:
        super().__init__("This is the last active administrator; make somebody else one first.")


class AlreadyMember(Conflict):
    """The user is in the project already."""

    code = "already_member"

    def __init__(self) -> None:
        super().__init__("This user is a member already; change the role instead.")


class LastOwner(Conflict):
    """Nobody would be left to decide about the project."""

    code = "last_owner"

    def __init__(self) -> None:
        super().__init__("This is the project's last owner. Make somebody else an owner first, or delete the project.")


class TooManyInvitations(Conflict):
    """As many invitations to a project wait for an answer as may."""

    code = "too_many_invitations"


class TooManyWebhooks(Conflict):
    """A project has as many webhooks as one may have."""

    code = "too_many_webhooks"

    def __init__(self) -> None:
        super().__init__("The project has twenty webhooks; remove one that is no longer used.")


class WebhookInactive(Conflict):
    """Nothing is sent to a webhook that is off."""

    code = "webhook_inactive"

    def __init__(self) -> None:
        super().__init__("The webhook is off, so nothing is sent. Switch it on with `is_active`, then repeat.")


class TooManyDeliveries(TooManyRequests):
    """As many deliveries of a webhook wait as people may add to."""

    code = "too_many_deliveries"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "60"})


class HeadersTooLarge(APIException):
    """With what the gateway adds, the request's head is longer than a service takes."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"The head of a request may have {most} bytes, what the gateway adds to it included.")


class MethodNotAllowed(APIException):
    """No service understands this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"


class UpstreamUnavailable(ServiceUnavailable):
    """A service behind the gateway does not answer."""

    code = "upstream_unavailable"

    def __init__(self, service: str) -> None:
        super().__init__(f"The {service} does not answer at the moment; try again shortly.")
        self.service = service
