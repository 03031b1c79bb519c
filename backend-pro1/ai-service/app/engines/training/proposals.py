"""Settings to try next: at random in a family's space, and around what has been best."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .families import FAMILIES, Range

STEP = 0.25
FRESH = 0.25
TRIES = 20


def key_of(algorithm: str, settings: Mapping[str, Any]) -> str:
    """Tells candidates apart."""
    return json.dumps([algorithm, dict(settings)], sort_keys=True)


def first_ones(families: Sequence[str]) -> list[dict[str, Any]]:
    """The settings that each family begins with, the first of each before the second of any."""
    most = max(len(FAMILIES[name].begin) for name in families)
    return [
        {"algorithm": name, "settings": dict(FAMILIES[name].begin[number])}
        for number in range(most)
        for name in families
        if number < len(FAMILIES[name].begin)
    ]


def next_ones(
    best: Sequence[Mapping[str, Any]], tried: set[str], count: int, random: np.random.Generator
) -> list[dict[str, Any]]:
    """At most `count` new candidates, fewer in small spaces; the better one of `best` is, the more are near it."""
    chances = np.array([0.5**rank for rank in range(len(best))])
    found: list[dict[str, Any]] = []
    tries = 0
    while len(found) < count and tries < TRIES * count:
        tries += 1
        parent = best[random.choice(len(best), p=chances / chances.sum())]
        settings = _changed(parent["algorithm"], parent["settings"], random)
        key = key_of(parent["algorithm"], settings)
        if key not in tried:
            tried.add(key)
            found.append({"algorithm": parent["algorithm"], "settings": settings})
    return found


def _changed(algorithm: str, settings: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """One to three members changed a little, or now and then drawn anew."""
    space = FAMILIES[algorithm].space
    changed = dict(settings)
    if not space:
        return changed
    names = list(space)
    chosen = random.choice(len(names), size=min(len(names), int(random.integers(1, 4))), replace=False)
    for number in sorted(chosen.tolist()):
        name = names[number]
        changed[name] = _drawn(space[name], changed.get(name), random)
    return {name: changed[name] for name in sorted(changed)}


def _drawn(values: Range | Sequence[Any], present: Any, random: np.random.Generator) -> Any:
    if not isinstance(values, Range):
        return values[int(random.integers(len(values)))]
    low, high = math.log(values.low), math.log(values.high)
    fresh = present is None or isinstance(present, str) or random.random() < FRESH
    place = random.uniform(low, high) if fresh else math.log(present) + random.normal() * STEP * (high - low)
    value = math.exp(min(max(place, low), high))
    # Three digits: nobody needs more, and a report can show them.
    return round(value) if values.whole else float(f"{value:.3g}")
