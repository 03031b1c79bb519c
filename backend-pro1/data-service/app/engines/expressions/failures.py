"""Why an expression is refused: where, what, and what to write instead."""

from shared.compute.protocol import ComputeError


def refused(reason: str, position: int) -> ComputeError:
    """`invalid_expression` for what stands at the character `position`, counted from 1."""
    return ComputeError("invalid_expression", f"{reason} (at character {position}).")
