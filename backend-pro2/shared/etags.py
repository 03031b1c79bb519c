"""Entity tags: made from a representation, compared as RFC 9110 §8.8 says."""

import hashlib
import re

from pydantic import BaseModel

from shared.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?("[^"]*")')


def etag_of(representation: bytes) -> str:
    """A strong tag: equal bytes, equal tag."""
    return f'"{hashlib.sha256(representation).hexdigest()[:32]}"'


def etag_of_digest(sha256: str) -> str:
    """The tag of bytes whose SHA-256 is known already."""
    return f'"{sha256}"'


def etag_of_model(model: BaseModel) -> str:
    """The tag under which `shared.conditional.tagged` answers the model."""
    return etag_of(model.model_dump_json(by_alias=True).encode())


def unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether a client that sent If-None-Match already has this state (weak comparison)."""
    return _names(if_none_match, etag, weak=True)


def still_current(if_match: str | None, etag: str) -> bool:
    """Whether a change may go ahead: no If-Match, or one that names this state (strong comparison)."""
    return if_match is None or _names(if_match, etag, weak=False)


def require_current(if_match: str | None, etag: str, what: str) -> None:
    """Let a change go ahead; to be asked in its transaction, once the row is locked.

    Args:
        what: the resource in a sentence, such as "project".

    Raises:
        PreconditionFailed: If-Match names another state.
    """
    if not still_current(if_match, etag):
        raise PreconditionFailed(f"The {what} has changed since you read it; read it again and repeat.")


def _names(header: str | None, etag: str, *, weak: bool) -> bool:
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not prefix) for prefix, tag in _TAG.findall(header))
