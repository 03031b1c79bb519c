"""Words for the person at the terminal: progress to standard error, answers to standard output."""

import sys
from collections.abc import Callable


class Refusal(Exception):
    """Something a person has to change first; the message says what and how."""


def note(text: str) -> None:
    """Say how things go."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def reported(work: Callable[[], int]) -> int:
    """The exit code of `work`, or of what ends it, which is told in words instead of a trace."""
    try:
        return work()
    except Refusal as refusal:
        note(f"error: {refusal}")
    except OSError as error:
        # A read-only checkout, a full disk: the system's own words and the file.
        note(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    except KeyboardInterrupt:
        note("interrupted")
        return 130
    return 1


def answer(text: str) -> None:
    """Give what was asked for."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
