"""Random numbers that depend on the seed and the number of the draw alone, however the draws are shared out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

PIECES_AT_MOST = 64
FEWEST_DRAWS = 25


def generators(seed: int, item: Mapping[str, Any]) -> Iterator[np.random.Generator]:
    """One stream for each draw of a piece: those that `SeedSequence(seed).spawn` gives the same numbers."""
    for number in range(item["start"], item["stop"]):
        yield np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,))))


def shares(draws: int) -> Sequence[dict[str, int]]:
    """Pieces of nearly equal numbers of draws, enough of them to keep a cluster busy."""
    pieces = max(1, min(PIECES_AT_MOST, draws // FEWEST_DRAWS))
    edges = [draws * number // pieces for number in range(pieces + 1)]
    return [{"start": start, "stop": stop} for start, stop in pairwise(edges)]
