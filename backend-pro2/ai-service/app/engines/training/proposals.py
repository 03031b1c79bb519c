"""Settings to try next: at random in a family's space, and around what has been best."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .families import FAMILIES, Range
from .preparation import LINEAR

STEP = 0.25
FRESH = 0.25
TRIES = 20
QUICK_APART, APART = 3, 8


def key_of(algorithm: str, settings: Mapping[str, Any]) -> str:
    """Tells candidates apart."""
    return json.dumps([algorithm, dict(settings)], sort_keys=True)


def first_ones(families: Sequence[str]) -> list[dict[str, Any]]:
    """The settings that each family begins with, further ones of a family later, those of quick ones not much later."""
    placed = []
    for place, name in enumerate(families):
        apart = QUICK_APART if FAMILIES[name].style == LINEAR else APART
        for number, settings in enumerate(FAMILIES[name].begin):
            placed.append((place + apart * number, number, {"algorithm": name, "settings": dict(settings)}))
    return [one for _, _, one in sorted(placed, key=lambda entry: entry[:2])]


def next_ones(
    best: Sequence[Mapping[str, Any]], tried: set[str], count: int, random: np.random.Generator, step: float = STEP
) -> list[dict[str, Any]]:
    """At most `count` new candidates, fewer in small spaces; the better one of `best` is, the more are near it.

    Random directions, each tried both ways (Wu et al. 2021, AAAI 35, "Frugal optimization for cost-related
    hyperparameters"); `step` is their usual length, as a share of a setting's range.
    """
    chances = np.array([0.5**rank for rank in range(len(best))])
    found: list[dict[str, Any]] = []
    tries = 0
    while len(found) < count and tries < TRIES * count:
        tries += 1
        parent = best[random.choice(len(best), p=chances / chances.sum())]
        for settings in _both_ways(parent["algorithm"], parent["settings"], random, step):
            key = key_of(parent["algorithm"], settings)
            if key not in tried and len(found) < count:
                tried.add(key)
                found.append({"algorithm": parent["algorithm"], "settings": settings})
    return found


def _both_ways(
    algorithm: str, settings: Mapping[str, Any], random: np.random.Generator, step: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One to three members changed a little in one way and in the other, or now and then drawn anew."""
    space = FAMILIES[algorithm].space
    there, back = dict(settings), dict(settings)
    if space:
        names = list(space)
        chosen = random.choice(len(names), size=min(len(names), int(random.integers(1, 4))), replace=False)
        for number in sorted(chosen.tolist()):
            name = names[number]
            there[name], back[name] = _drawn(space[name], settings.get(name), random, step)
    return {name: there[name] for name in sorted(there)}, {name: back[name] for name in sorted(back)}


def _drawn(values: Range | Sequence[Any], present: Any, random: np.random.Generator, step: float) -> tuple[Any, Any]:
    if not isinstance(values, Range):
        return values[int(random.integers(len(values)))], values[int(random.integers(len(values)))]
    low, high = math.log(values.low), math.log(values.high)
    if present is None or isinstance(present, str) or random.random() < FRESH:
        return _value(values, random.uniform(low, high)), _value(values, random.uniform(low, high))
    move = random.normal() * step * (high - low)
    return _value(values, math.log(present) + move), _value(values, math.log(present) - move)


def _value(values: Range, place: float) -> float:
    """Three digits: nobody needs more, and a report can show them."""
    value = math.exp(min(max(place, math.log(values.low)), math.log(values.high)))
    return round(value) if values.whole else float(f"{value:.3g}")
