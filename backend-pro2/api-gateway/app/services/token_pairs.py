"""Pairs of access and refresh token."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.auth import TokenCodec
from shared.config import Settings

from ..schemas.auth import Tokens


@dataclass(frozen=True, slots=True)
class Head:
    """The refresh token of a family that is good now."""

    jti: UUID
    issued_at: datetime


class TokenPairs:
    """Signs the pair of a session; equal heads give equal refresh tokens."""

    def __init__(self, codec: TokenCodec, settings: Settings) -> None:
        self._codec = codec
        self._access_seconds = settings.access_token_expire_minutes * 60

    def pair(self, user_id: UUID, session_id: UUID, head: Head) -> Tokens:
        """A fresh access token beside the refresh token of `head`."""
        return Tokens(
            access_token=self._codec.issue_access(user_id, session_id),
            refresh_token=self._codec.issue_refresh(user_id, session_id, head.jti, head.issued_at),
            expires_in=self._access_seconds,
        )
