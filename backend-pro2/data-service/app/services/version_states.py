"""Which versions can be read, and which can be used: the one answer for every route and task."""

from shared.errors import Conflict


def require_readable(name: str, number: int, status: str) -> None:
    """Let the content of version `number` of the dataset called `name` be looked at; a blocked one may be.

    Raises:
        Conflict: `version_expired`, `dataset_not_ready`.
    """
    if status == "expired":
        raise Conflict(
            f"Version {number} of '{name}' was removed by the dataset's retention. Take a newer version.",
            code="version_expired",
        )
    if status == "failed":
        raise Conflict(
            f"Version {number} of '{name}' could not be read, so it has no content. Take another version.",
            code="dataset_not_ready",
        )
    if status != "ready":
        raise Conflict(
            f"Version {number} of '{name}' is still being made. Follow its task, or ask again shortly.",
            code="dataset_not_ready",
            headers={"Retry-After": "1"},
        )


def require_usable(name: str, number: int, status: str, *, blocked: bool) -> None:
    """Let version `number` be used by queries, processing and analyses.

    Raises:
        Conflict: `version_expired`, `dataset_not_ready`, `version_blocked`.
    """
    require_readable(name, number, status)
    if blocked:
        raise Conflict(
            f"The quality gate blocks version {number} of '{name}'. Look at its quality run, then correct the data or "
            "the rules; until then use another version.",
            code="version_blocked",
        )
