"""What must hold of everything that comes back, whatever was sent."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus

from ..adversarial.wire import flaws
from .http_answers import Reply
from .http_cases import MARK, READ, Case
from .http_client import Heard

_PLACE = re.compile(rb"i(\d+)z")
# What is said before the application has anything to say, each as a last word.
_LAST_WORDS = {
    400: (b"Invalid HTTP request received.",),
    408: (b"The head of a request must be here within 10 seconds.",),
    431: (b"The head of a request may have at most 65536 bytes.",),
}


def outcome(case: Case, heard: Heard) -> str:
    """A word for what became of it."""
    replies = heard.answers.replies
    if not replies:
        left = "cut by us" if case.ending != READ else "silence"
        return "closed without a word" if heard.closed and case.ending == READ else left
    last = replies[-1]
    if not last.is_problem and last.status >= HTTPStatus.BAD_REQUEST and "x-request-id" not in last.headers:
        return f"refused by the server ({last.status})"
    return f"{last.status // 100}xx"


def broken(case: Case, heard: Heard, secrets: frozenset[bytes]) -> list[str]:
    """The rules that were broken."""
    answers = heard.answers
    found = [f"a secret of the instance: {heard.data[:300]!r}"] if any(word in heard.data for word in secrets) else []
    if answers.rest and not _is_cut(answers.rest, case, heard):
        found.append(f"no answer: {answers.rest[:300]!r}")
    for position, reply in enumerate(answers.replies):
        is_last = position == len(answers.replies) - 1
        found += [f"{flaw}: {_short(reply)}" for flaw in _reply_flaws(case, reply, secrets, is_last=is_last)]
    found += _marks(case, answers.replies)
    if case.answers is not None and len(answers.replies) != case.answers:
        statuses = [reply.status for reply in answers.replies]
        found.append(f"{len(answers.replies)} answers ({statuses}) to {case.answers} requests")
    return found


def _is_cut(rest: bytes, case: Case, heard: Heard) -> bool:
    """Whether this may be the beginning of an answer that we did not hear to its end."""
    return (case.ending != READ or not heard.closed) and b"HTTP/1.1 ".startswith(rest[:9])


def _reply_flaws(case: Case, reply: Reply, secrets: frozenset[bytes], *, is_last: bool) -> Iterator[str]:
    if case.echo and case.echo.encode() in reply.head:
        yield "the head repeats what was sent"
    if (words := _LAST_WORDS.get(reply.status)) and reply.body in words:
        if not is_last or reply.headers.get("connection") != "close":
            yield "goes on after a last word"
        return
    if reply.status >= HTTPStatus.BAD_REQUEST and reply.body and not reply.is_problem:
        yield "is no problem document"
        return
    if not reply.body:
        # To HEAD.
        if reply.status >= HTTPStatus.BAD_REQUEST and "x-request-id" not in reply.headers:
            yield "has no request id"
        return
    try:
        yield from flaws(reply.answer(case.kind), secrets, case.echo or None)
    except (ValueError, KeyError) as error:
        yield f"cannot be read ({error!r})"


def _marks(case: Case, replies: list[Reply]) -> Iterator[str]:
    """An answer to each request at most, in their order, and to nothing else."""
    told = [mark for reply in replies if reply.is_problem for mark in _told(reply)]
    for mark in told:
        if mark not in case.sent:
            yield f"an answer to somebody else's request {mark.decode()}"
        elif mark in case.never:
            yield f"an answer to what stands inside of a body, {mark.decode()}"
        elif told.count(mark) > case.sent.count(mark):
            yield f"more answers than requests to {mark.decode()}"
    places = [int(found[1]) for mark in told if (found := _PLACE.search(mark))]
    if case.kind in ("pipeline", "drip") and places != sorted(places):
        yield f"answers out of order: {told}"


def _told(reply: Reply) -> list[bytes]:
    try:
        instance = str(json.loads(reply.body)["instance"]) if reply.body else ""
    except (ValueError, KeyError):
        # Told by the other rules.
        return []
    return [found[0] for found in MARK.finditer(instance.encode())][:1]


def _short(reply: Reply) -> str:
    return f"{reply.status} {reply.body[:300].decode('utf-8', 'replace')}"
