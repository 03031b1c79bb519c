"""Errors that only the gateway raises."""

from http import HTTPStatus

from shared.errors import APIException, Conflict, ServiceUnavailable, Unauthorized


class EmailTaken(Conflict):
    """Somebody registered with this address before."""

    code = "email_taken"


class TokenReused(Unauthorized):
    """A refresh token that was used up came back: it, or its successor, is in foreign hands."""

    code = "token_reused"


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
