"""Entity tags: made from a representation, compared as RFC 9110 §8.8 says."""

import hashlib
import re

_TAG = re.compile(r'(W/)?("[^"]*")')


def etag_of(representation: bytes) -> str:
    """A strong tag: equal bytes, equal tag."""
    return f'"{hashlib.sha256(representation).hexdigest()[:32]}"'


def unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether a client that sent If-None-Match already has this state (weak comparison)."""
    return _names(if_none_match, etag, weak=True)


def still_current(if_match: str | None, etag: str) -> bool:
    """Whether a change may go ahead: no If-Match, or one that names this state (strong comparison)."""
    return if_match is None or _names(if_match, etag, weak=False)


def _names(header: str | None, etag: str, *, weak: bool) -> bool:
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not prefix) for prefix, tag in _TAG.findall(header))
