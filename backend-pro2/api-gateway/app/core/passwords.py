"""What a new password must be."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

MINIMUM_CHARACTERS = 10
MAXIMUM_CHARACTERS = 128

_LIST = Path(__file__).with_name("common_passwords.txt")
# Shorter than any password may be, and the heart of most that are tried: `Welcome2024!`, `!!Password123`.
_COMMON_WORDS = frozenset(
    ("admin", "administrator", "changeme", "iloveyou", "letmein", "login", "passwd", "password", "qwerty", "welcome")
)
_TOO_COMMON = "This password is among the first that an attacker tries; choose another."


def password_fault(password: str, email: str, names: Iterable[str | None] = ()) -> str | None:
    """What is wrong with a password that `email` chooses, as a sentence; None if it will do.

    Args:
        names: what else the password must not be: the user's name, the instance's, those of projects.
    """
    if not MINIMUM_CHARACTERS <= len(password) <= MAXIMUM_CHARACTERS:
        return f"Choose a password of {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS} characters."
    if _is_made_of(password, _parts_of(email)):
        return "Choose a password that is not your e-mail address."
    if _is_made_of(password, [name for name in names if name]):
        return "Choose a password that is not your name or that of something of yours."
    folded = password.casefold()
    if folded in _common() or len(set(folded)) < 4 or _letters(password) in _COMMON_WORDS:
        return _TOO_COMMON
    return None


def _parts_of(email: str) -> list[str]:
    local, _, domain = email.rpartition("@")
    return [email, local, domain, domain.partition(".")[0]]


def _is_made_of(password: str, words: Iterable[str]) -> bool:
    # Letters alone, so that `Ada.Lovelace_1815!` is `ada lovelace`; a word without letters counts as it is.
    bare, letters = password.casefold().strip(), _letters(password)
    return any(bare == word.casefold().strip() or (letters and letters == _letters(word)) for word in words)


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKC", text).casefold()))


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return frozenset(_LIST.read_text(encoding="utf-8").split("\n"))
