"""JSON in what a model says, wherever it stands, and the repairs that it is granted where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..clients.llm_reading import MOST_NESTED, nesting

MOST_REPAIRS = 2
MOST_CHARACTERS = 64 * 1024
_MOST_OPENINGS = 50
_OPENING = re.compile(r"\{")


class UnreadableReply(Exception):
    """What was said is not of the form asked for; the text says so in a sentence that the model is told."""


def objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects that stand in a text, outer ones before those in them."""
    decoder = json.JSONDecoder(strict=False)
    text, place = text[:MOST_CHARACTERS], 0
    if nesting(text) > MOST_NESTED:
        return
    for _ in range(_MOST_OPENINGS):
        opening = _OPENING.search(text, place)
        if opening is None:
            return
        try:
            found, place = decoder.raw_decode(text, opening.start())
        except ValueError:
            place = opening.end()
            continue
        if isinstance(found, Mapping):
            yield found


def entries(text: str, member: str) -> list[Mapping[str, Any]]:
    """The objects in the list `member` of the first JSON object that has one.

    Raises:
        UnreadableReply: there is none.
    """
    if not text.strip():
        raise UnreadableReply("The reply is empty.")
    for found in objects(text):
        if isinstance(listed := found.get(member), list):
            return [each for each in listed if isinstance(each, Mapping)]
    raise UnreadableReply(f"The reply holds no JSON object with a list {member}.")
