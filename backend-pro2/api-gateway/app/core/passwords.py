"""What a new password must be."""

from functools import lru_cache
from pathlib import Path

MINIMUM_CHARACTERS = 10
MAXIMUM_CHARACTERS = 128

_LIST = Path(__file__).with_name("common_passwords.txt")


def password_fault(password: str, email: str) -> str | None:
    """What is wrong with a password that `email` chooses, as a sentence; None if it will do."""
    if not MINIMUM_CHARACTERS <= len(password) <= MAXIMUM_CHARACTERS:
        return f"Choose a password of {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters."
    folded = password.casefold()
    if folded.strip() in {email.casefold(), email.rpartition("@")[0].casefold()}:
        return "Choose a password that is not your e-mail address."
    if folded in _common() or len(set(folded)) < 4:
        return "This password is among the first that an attacker tries; choose another."
    return None


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return frozenset(_LIST.read_text(encoding="utf-8").split("\n"))
