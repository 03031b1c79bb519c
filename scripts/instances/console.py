"""Words for the person at the terminal: progress to standard error, answers to standard output."""

import sys


class Refusal(Exception):
    """Something a person has to change first; the message says what and how."""


def note(text: str) -> None:
    """Say how things go."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def answer(text: str) -> None:
    """Give what was asked for."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
