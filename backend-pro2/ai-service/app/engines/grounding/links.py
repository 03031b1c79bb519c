"""Links and images lose their targets: what is shown can lead nowhere."""

from __future__ import annotations

import re

_TARGET = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_LOOSE_TARGET = re.compile(r"\]\((?:[^()\n]|\([^()\n]*\))*\)")
_NAMED = re.compile(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]")
_BARE = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\b(?:javascript|data|vbscript|mailto):|\bwww\.|(?<![:\w/])//(?=\w))[^\s<>\"'”’|]*",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\](?=[(\[])|^(\s*\[[^\]]*\])(?=:)")
PLACEHOLDER = "[link]"
_PRIVATE = 0xE000


def without_targets(text: str, kept: re.Pattern[str] | None = None) -> str:
    """`text` with the words of its links only; what is `kept` stays as it is unless it stands in a target."""
    if kept is not None and (originals := [found[0] for found in kept.finditer(text)]):
        # Clean text has no characters for private use, so each can stand for something.
        marks = iter(range(_PRIVATE, _PRIVATE + len(originals)))
        marked = without_targets(kept.sub(lambda _: chr(next(marks)), text))
        return "".join(
            originals[ord(sign) - _PRIVATE] if _PRIVATE <= ord(sign) < _PRIVATE + len(originals) else sign
            for sign in marked
        )
    text = _TARGET.sub(r"\1", text)
    text = _NAMED.sub(r"\1", _LOOSE_TARGET.sub("]", text))
    return kept_apart(_BARE.sub(PLACEHOLDER, text).replace("![", "["))


def kept_apart(text: str) -> str:
    """`text` with a space where brackets could make a link of what follows them."""
    return _OPEN.sub(lambda found: found[0] + " ", text)
