"""What opens once: a mailed token and a refresh token, whatever is tried before, and neither a second time."""

import random
import time
from collections.abc import Iterator
from typing import Any

from ..adversarial.forge import ALPHABET
from ..adversarial.places import Place
from ..adversarial.post import Post, token_in
from ..e2e.api import Api
from .token_forgery import near_miss

NEW_PASSWORD = "seven grey geese over the marsh"
GRACE_SECONDS = 10.0


class OnceOnly:
    """Somebody who has forgotten a password, and whose refresh token was used a moment ago."""

    def __init__(self, place: Place, person: Api) -> None:
        self._person = person
        self._grace = float(place.instance.values.get("REFRESH_REUSE_GRACE_SECONDS") or GRACE_SECONDS)
        self._spent = person.tokens["refresh_token"]
        self._next = person.ok("POST", "/auth/refresh", json={"refresh_token": self._spent})["refresh_token"]
        self._spent_at = time.monotonic()
        self._mailed = ""
        # What a mail server has sent is out of reach.
        if not place.instance.values.get("SMTP_HOST"):
            person.ok("POST", "/auth/forgot-password", json={"email": person.email})
            self._mailed = token_in(Post(place).wait(person.email, "password_reset")[0])

    def forged(self, chance: random.Random) -> dict[str, Any]:
        """A body with what is almost the mailed token, or with one by chance alone."""
        if self._mailed and chance.random() < 0.5:
            return {"token": near_miss(self._mailed, frozenset({self._mailed}), chance)}
        return {"token": "".join(chance.choices(ALPHABET, k=chance.choice((43, 43, 42, 64))))}

    def ended(self) -> Iterator[tuple[str, str]]:
        """What becomes of the real ones at the end, and what is wrong with that."""
        time.sleep(max(0.0, self._spent_at + self._grace + 1 - time.monotonic()))
        # The first of both ends the session, and with it the good one.
        yield self._refresh("refresh token, spent", self._spent, "token_reused")
        yield self._refresh("refresh token of an ended session", self._next, "session_ended")
        if self._mailed:
            yield self._reset("mailed token, good", 204)
            yield self._reset("mailed token, spent", 422)

    def _refresh(self, told: str, token: str, code: str) -> tuple[str, str]:
        answer = self._person.client.post("/auth/refresh", json={"refresh_token": token})
        is_right = answer.status_code == 401 and answer.json()["code"] == code
        return told, "" if is_right else f"{told}: {answer.status_code} {answer.text}"

    def _reset(self, told: str, status: int) -> tuple[str, str]:
        body = {"token": self._mailed, "new_password": NEW_PASSWORD}
        answer = self._person.client.post("/auth/reset-password", json=body)
        return told, "" if answer.status_code == status else f"{told}: {answer.status_code} {answer.text}"
