"""Questions that a dataset's profile suggests: by rules, without the LLM, the same each time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any
from uuid import UUID

from shared.errors import NotFound
from shared.membership import require_project
from shared.resources import Resources
from shared.tabular.types import BOOLEAN, INTEGER, NUMERIC, STRING, TEMPORAL

from ..repositories import glossary
from ..repositories.profiled_versions import ProfiledVersion, newest_datasets, read_profiled
from ..schemas.suggestions import SuggestionKind
from .personal_columns import personal_columns

MOST = 8
DATASETS = 3
METRICS = 2
LONGEST_NAME = 60
MOST_GROUPS = 50
FEW_NUMBERS = 12
_ID = re.compile(r"(^|[_\W])(id|key|uuid|code|zip|index|nr|no)$", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# From how many seconds on a series is looked at in these steps.
_STEPS = ((3 * 365 * 86400, "year"), (92 * 86400, "month"), (3 * 86400, "day"), (0, "hour"))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question, and the columns that it is about."""

    question: str
    kind: SuggestionKind
    dataset_id: UUID
    columns: Sequence[str]


class Suggestions:
    """Use case of suggestions, for members of the project."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def of(self, user_id: UUID, project_id: UUID, dataset_id: UUID | None) -> list[Suggestion]:
        """Questions about the dataset, or in turn about the project's newest ones; none while they are being read.

        Raises:
            NotFound: the project, or the dataset in it.
        """
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, project_id, user_id)
            chosen = await newest_datasets(session, project_id, dataset_id, DATASETS)
            if dataset_id is not None and not chosen:
                raise NotFound
            found = await read_profiled(session, project_id, chosen)
            terms = await glossary.told(session, project_id, chosen, METRICS * DATASETS)
        metrics = [(term.dataset_id, term.name) for term in terms if term.expression is not None]
        each = [suggest(version, [name for owner, name in metrics if owner == version.dataset_id]) for version in found]
        in_turn = chain.from_iterable(zip_longest(*each))
        return list(islice((one for one in in_turn if one is not None), MOST))


@dataclass(frozen=True, slots=True)
class _Roles:
    """What the columns of a dataset are good for, in its order."""

    measures: Sequence[str]
    groups: Sequence[str]
    times: Sequence[Mapping[str, Any]]
    with_nulls: Sequence[str]
    related: tuple[str, str] | None


def suggest(version: ProfiledVersion, metrics: Sequence[str] = ()) -> list[Suggestion]:
    """What can be asked of a version that has a profile; columns of personal data are not named."""
    profile = version.profile
    if not profile or not profile["rows"]:
        return []
    roles = _roles(version, profile)
    kinds = _questions(roles, list(metrics)[:METRICS])
    name = version.name if _sayable(version.name) else "this dataset"
    return [
        Suggestion(f"{question} in {name}?", kind, version.dataset_id, columns) for kind, question, columns in kinds
    ][:MOST]


def _questions(roles: _Roles, metrics: Sequence[str]) -> Iterator[tuple[SuggestionKind, str, Sequence[str]]]:
    group = next(iter(roles.groups), None)
    first = next(iter(roles.measures), None)
    for metric in metrics:
        by = f" by {group}" if group else ""
        yield "metric", f"What is {metric}{by}", [group] if group else []
    if first and group:
        yield "average", f"What is the average of {first} by {group}", [first, group]
    if first and roles.times:
        yield "trend", f"How does {first} develop by {_step(roles.times[0])}", [first, roles.times[0]["name"]]
    if group:
        yield "count", f"How many rows are there for each {group}", [group]
    if first and group:
        yield "total", f"Which {group} has the highest total of {first}", [first, group]
    if roles.related:
        one, other = roles.related
        yield "relation", f"How are {one} and {other} related", [one, other]
    yield from _more(roles)


def _more(roles: _Roles) -> Iterator[tuple[SuggestionKind, str, Sequence[str]]]:
    if roles.measures:
        measure = roles.measures[-1]
        yield "spread", f"What are the smallest, the median and the largest {measure}", [measure]
    if len(roles.measures) > 1 and len(roles.groups) > 1:
        measure, group = roles.measures[1], roles.groups[1]
        yield "average", f"What is the average of {measure} by {group}", [measure, group]
    if roles.with_nulls:
        column = roles.with_nulls[0]
        yield "missing", f"In how many rows is {column} missing", [column]


def _roles(version: ProfiledVersion, profile: Mapping[str, Any]) -> _Roles:
    hidden = personal_columns(version.schema or [], profile, version.notes)
    shown = [column for column in profile["columns"] if column["name"] not in hidden and _sayable(column["name"])]
    measures = [column["name"] for column in shown if _is_measure(column)]
    return _Roles(
        measures=measures,
        groups=[column["name"] for column in shown if _is_group(column)],
        times=[column for column in shown if column["type"] in TEMPORAL and column["distinct"] > 2],
        with_nulls=[column["name"] for column in shown if column["nulls"] and column["count"]],
        related=_related(profile["correlations"], measures),
    )


def _is_measure(column: Mapping[str, Any]) -> bool:
    if column["type"] not in NUMERIC or column["distinct"] < 3 or _ID.search(column["name"]):
        return False
    return bool(column["type"] != INTEGER or column["distinct"] != column["count"])


def _is_group(column: Mapping[str, Any]) -> bool:
    distinct, count = column["distinct"], column["count"]
    if column["type"] == INTEGER:
        return bool(2 <= distinct <= FEW_NUMBERS and distinct * 10 <= count)
    return bool(column["type"] in (STRING, BOOLEAN) and 2 <= distinct <= MOST_GROUPS and distinct < count)


def _related(correlations: Mapping[str, Any], measures: Sequence[str]) -> tuple[str, str] | None:
    """The two measures that go together most; the coefficient itself is not told."""
    names = correlations["columns"]
    pairs = [
        (abs(coefficient), one, names[place])
        for one, row in zip(names, correlations["matrix"], strict=True)
        for place, coefficient in enumerate(row)
        if coefficient is not None and one < names[place] and one in measures and names[place] in measures
    ]
    if not pairs:
        return None
    _, one, other = max(pairs, key=lambda pair: (pair[0], pair[1:]))
    return one, other


def _step(column: Mapping[str, Any]) -> str:
    seconds = (column.get("time") or {}).get("range_seconds") or 0
    return next(step for least, step in _STEPS if seconds >= least)


def _sayable(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and not _CONTROL.search(name)
