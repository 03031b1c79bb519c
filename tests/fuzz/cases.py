"""Which cases a campaign makes, each by a number that, with the seed, is all that it depends on."""

import argparse
import random
from collections.abc import Iterable, Iterator, Mapping


def chance(seed: int, part: str, number: int) -> random.Random:
    """Where the chance of one case begins: its neighbours do not matter to it."""
    return random.Random(f"{seed} {part} {number}")  # noqa: S311 - accidents that can be repeated


def chosen(parts: Iterable[str], options: argparse.Namespace) -> list[str]:
    """The parts that were asked for: all, or one.

    Raises:
        SystemExit: there is none of that name.
    """
    known = list(parts)
    if options.part is None:
        return known
    if options.part not in known:
        raise SystemExit(f"no part '{options.part}'; there are: {', '.join(known)}")
    return [options.part]


def numbers(count: int, options: argparse.Namespace) -> Iterator[int]:
    """The numbers of a part's cases: so many, or the one that is asked for."""
    return iter([options.only] if options.only is not None else range(count))


def shares(weights: Mapping[str, float], count: int) -> dict[str, int]:
    """How many of `count` cases each part gets: by weight, and one at least."""
    whole = sum(weights.values())
    return {name: max(1, round(count * weight / whole)) for name, weight in weights.items()}
