"""How often Python looks for garbage that reference counting cannot free."""

import gc

# With 32 requests in flight a few thousand objects are alive that were not there a moment ago. Python's own threshold
# of 700 takes them for a sign of garbage, looks through them dozens of times a second and, a few times a second,
# through the whole heap: a quarter of a small request's cost, and pauses of tens of milliseconds.
YOUNG, MIDDLE, OLD = 10_000, 20, 50


def relax_collector() -> None:
    """Collect when ten thousand more objects are alive than before; requests leave next to none behind."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
