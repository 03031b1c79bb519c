"""What a log line or an error report must not hold: secrets by name, by form and by value, and personal data."""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

MASK = "***"
# Shorter ones would mask words that mean nothing.
SHORTEST_SECRET = 8

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset(
    (
        *("password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "tokens", "otp", "csrf", "jwt"),
        *("key", "keys", "apikey", "credential", "credentials", "signature", "bearer", "authorization", "auth"),
        *("dsn", "cookie", "cookies", "email", "emails", "mail"),
    )
)
# What is told about a secret instead of it: its row, its size, its age.
_ABOUT = frozenset(("id", "ids", "count", "bytes", "seconds", "days", "kind", "type"))
_NAMED = r"pass(?:word|wd|phrase)|pwd|secret|token|api[ _-]?key|credential|signature|e?mail"
# In this order: a name before a scheme would take the scheme for the value. No pattern may look back far: lines are
# made of what strangers send.
_PATTERNS = (
    (re.compile(r"\b(bearer|basic|digest)\s+[\w.~+/=:-]{4,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}"), MASK),
    (re.compile(r"\b(?:sk-[\w-]{8,}|adp_[\w-]{8,}|(?:AKIA|ASIA)[A-Z0-9]{16})"), MASK),
    (re.compile(r"://[^\s/@]*@[^\s/]*@|://[^\s/]*@"), f"://{MASK}@"),
    (re.compile(r"(?<=[\w/])\?[^\s\"'<>]+"), f"?{MASK}"),
    (re.compile(r"\b((?:set-)?cookie|authorization)([\"']?\s?[:=]\s?)[^\n\"']+", re.IGNORECASE), rf"\1\2{MASK}"),
    (
        re.compile(
            rf"({_NAMED})([\w-]{{0,20}}[\"']?\s?[:=]\s?)(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&}}\])]+)", re.IGNORECASE
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), MASK),
)


class _Known:
    """The secrets of this process, whose values are masked wherever they turn up."""

    pattern: re.Pattern[str] | None = None


def know_secrets(settings: BaseModel) -> None:
    """Mask from now on every secret of the settings, and the passwords in their URLs, in whatever is told."""
    values = {secret for value in vars(settings).values() for secret in _secrets_of(value)}
    usable = sorted((re.escape(value) for value in values if len(value) >= SHORTEST_SECRET), key=len, reverse=True)
    _Known.pattern = re.compile("|".join(usable)) if usable else None


def _secrets_of(value: object) -> Iterable[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _secrets_of(item)
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        password = _password_of(text)
        # Of a URL only the password is secret; the rest is needed to understand what is away.
        yield from (text,) if password is None else (password, unquote(password))


def _password_of(text: str) -> str | None:
    if "://" not in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    # The key of a DSN of Sentry stands where others have the name of a user.
    return parts.password or (parts.username if parts.scheme.startswith("http") else "") or ""


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds what must not be told."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _ABOUT.intersection(words[-1:]) and any(word in _SECRET_WORDS for word in words)


def mask(text: str) -> str:
    """The text without secrets, addresses of people and query strings."""
    if _Known.pattern is not None:
        text = _Known.pattern.sub(MASK, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
