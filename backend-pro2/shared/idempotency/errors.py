"""What a repeated key may be refused with."""

from http import HTTPStatus

from shared.errors import APIException, Invalid


class IdempotencyMismatch(Invalid):
    """The key was used before, for something else."""

    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request; send a new key with a new request.")


class IdempotencyInFlight(APIException):
    """Another request with this key is being answered.

    Not a `Conflict`, which use cases take for one of their own and may recover from.
    """

    status = HTTPStatus.CONFLICT
    code = "idempotency_in_flight"
    headers = {"Retry-After": "1"}  # noqa: RUF012 - a read-only Mapping by its declared type

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being answered; repeat it shortly for its answer.")
