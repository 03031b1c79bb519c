"""Why a step is refused; the runner puts the step's number and name in front."""

from shared.compute.protocol import ComputeError


def invalid(reason: str) -> ComputeError:
    """`invalid_step` with a sentence that says what to do."""
    return ComputeError("invalid_step", reason)
