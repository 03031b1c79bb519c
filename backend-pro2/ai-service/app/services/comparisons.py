"""A result beside the answer of a second computation: what differs, and what may explain it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from shared.version import VERSION

from ..repositories.results import Result
from ..schemas.replays import EnvironmentChange, ReplayDifference, ReplaySummary
from .differences import MOST_SHOWN, Difference, differences
from .fingerprints import PARTS, fingerprint, parts_of


def compare(original: Result, answer: Mapping[str, Any], output: Path) -> ReplaySummary:
    """Compare a stored result with an answer of the engine, whose files are in `output`."""
    found = list(islice(chain(_in_parts(original, answer), _in_artifacts(original, answer, output)), MOST_SHOWN))
    return ReplaySummary(
        match=not found,
        differences=[ReplayDifference(**difference._asdict()) for difference in found],
        environment=_environment(original.manifest, answer["libraries"]),
        replay_of=original.task_id,
    )


def _in_parts(original: Result, answer: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = parts_of({part: getattr(original, part) for part in PARTS}), parts_of(answer)
    noted = original.manifest.get("hashes") or {}
    for part in PARTS:
        computed = fingerprint(after[part])
        found = [] if fingerprint(before[part]) == computed else differences(part, before[part], after[part])
        yield from found
        if not found and noted.get(part, computed) != computed:
            # What is stored is what comes out now, but it is not what came out then.
            yield Difference(part, "", noted[part], computed)


def _in_artifacts(original: Result, answer: Mapping[str, Any], output: Path) -> Sequence[Difference]:
    before = {item["name"]: item["sha256"] for item in original.artifacts}
    after = {item["name"]: _sha256(output / item["name"]) for item in answer["artifacts"]}
    return differences("artifacts", before, after)


def _environment(manifest: Mapping[str, Any], libraries: Mapping[str, str]) -> list[EnvironmentChange]:
    before = {"code_version": manifest["code_version"], **manifest["libraries"]}
    now = {"code_version": VERSION, **libraries}
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return [EnvironmentChange(name=name, before=before.get(name), after=now.get(name)) for name in names]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
