"""What looks like a credential in a text: known forms, and long random values under names that promise a secret."""

import math
import re
from collections import Counter
from collections.abc import Iterator

FORMS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "key of Amazon": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "token of GitHub": r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_\w{40,})",
    "token of GitLab": r"\bglpat-[\w-]{20,}",
    "token of Slack": r"\bxox[abposr]-[0-9A-Za-z-]{10,}",
    "key of Google": r"\bAIza[\w-]{35}\b",
    "key of an LLM's provider": r"\bsk-(?:[a-z]+-)*[0-9A-Za-z]{24,}",
    "key of Stripe": r"\b[rs]k_live_[0-9A-Za-z]{16,}",
    "token of a package registry": r"\b(?:npm_[0-9A-Za-z]{36}|pypi-[\w-]{50,})",
    "JSON Web Token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    "secret of a webhook": r"\bwhsec_[0-9A-Za-z+/]{24,}={0,2}",
    "key of this API": r"\badp_[0-9A-Za-z]{8}_[0-9A-Za-z]{30,}",
    "password in an address": r"\b[a-z][a-z0-9+]{2,}://[^\s:/@\"'{}$<>%]*:([^\s:/@\"'{}$<>%]{6,})@",
}
KNOWN = {kind: re.compile(form) for kind, form in FORMS.items()}
NAMED = re.compile(
    r"(?i)(?:secret|passw(?:or)?d|token|api_?key|access_?key|private_?key|credential|dsn|pepper|salt)\w*"
    r"[\"']?\s*(?:[:=]|:=)\s*[\"']?([A-Za-z0-9+/_=.~-]{20,})"
)
# Bits a character: words of a language have less, base64 of random bytes more.
RANDOM = 3.7
HEXADECIMAL, RANDOM_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{32,}"), 3.0


def entropy(text: str) -> float:
    """Shannon's, in bits a character, of how often each occurs."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def is_random(value: str) -> bool:
    """Whether nobody would write this by hand: of several kinds of characters, and none more frequent than chance."""
    if HEXADECIMAL.fullmatch(value):
        return entropy(value) >= RANDOM_HEXADECIMAL
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return kinds == len("aA0") and entropy(value) >= RANDOM


def found(text: str) -> Iterator[tuple[str, str]]:
    """Kind and value of all that looks like a credential."""
    for kind, form in KNOWN.items():
        for match in form.finditer(text):
            yield kind, match[match.lastindex or 0]
    for match in NAMED.finditer(text):
        if is_random(match[1]):
            yield "random value", match[1]
