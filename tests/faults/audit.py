"""The final audit: what was acknowledged against what is there. Each function tells what is wrong, by task."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .harm import is_deadly
from .records import FINAL, Attempt, Record, Records
from .scheduler import Harm

# How a version may fail that was retried after an end without success: others came before it.
OVERTAKEN = {"version_in_progress", "version_superseded"}
# How the work that cannot succeed ends.
HOPELESS = {
    "endless": {"timeout"},
    "hungry": {"out_of_memory", "result_too_large", "query_too_large"},
    # One that was not caught in time ends as what it is.
    "poison": {"poison", "timeout"},
}
KEEPS_RESULT = {"analysis", "early", "query", "train", "ask"}
MAKES_VERSION = {"upload", "append", "process"}
CLOCK_SECONDS = 2.0
# So long after a fault a run may still end for it: a lease, a look for lost ones, and a slow machine.
ECHO_SECONDS = 30.0
# No lease runs out sooner: before, only what ends its worker takes a task from it, and in the run's own time.
LEASE_SECONDS = 15.0

Entries = list[dict[str, Any]]


def lost_and_doubled(acknowledged: Entries, records: Records) -> list[str]:
    """Every acknowledged task is there, has ended, and nothing was done that nobody was told of."""
    told = Counter(entry["id"] for entry in acknowledged)
    flaws = [f"{task_id} was acknowledged and is lost" for task_id in told if task_id not in records.tasks]
    flaws += [f"{task_id} was acknowledged {times} times" for task_id, times in told.items() if times > 1]
    flaws += [
        f"{record.id} ({record.kind}) is there and was never acknowledged: doubled" for record in _beyond(told, records)
    ]
    flaws += [f"{record.id} has not ended: {record.status}" for record in records.tasks.values() if not record.is_final]
    return flaws


def _beyond(told: Counter[str], records: Records) -> Iterator[Record]:
    return (record for task_id, record in records.tasks.items() if task_id not in told)


def ends(acknowledged: Entries, cancelled: set[str], records: Records) -> list[str]:
    """Each task ended as it had to; one that could succeed has, unless its process was killed each time."""
    flaws = []
    for entry in acknowledged:
        record = records.tasks.get(entry["id"])
        if record is None or (
            record.error_code == "dependency_failed" and _went_wrong(entry.get("after", ""), records)
        ):
            continue
        if flaw := _end(entry["work"], record, cancelled):
            flaws.append(f"{record.id} ({entry['work']}): {flaw}")
    return flaws


def _went_wrong(task_id: str, records: Records) -> bool:
    """Whether it failed or was cancelled at some time; it may have been retried since."""
    record = records.tasks.get(task_id)
    return record is not None and any(status in ("failed", "cancelled") for _, _, status in record.events)


def _end(work: str, record: Record, cancelled: set[str]) -> str:
    if record.status == "cancelled":
        return "" if record.id in cancelled else "cancelled, which nobody asked for"
    if record.status == "succeeded":
        return "succeeded, which it cannot" if work in HOPELESS else ""
    if record.error_code in HOPELESS.get(work, set()):
        return ""
    if record.error_code in OVERTAKEN and sum(status in ("failed", "cancelled") for _, _, status in record.events) > 1:
        return ""
    if record.error_code != "poison":
        return f"{record.status} with {record.error_code}"
    if sum(run.counted for run in record.runs) < record.max_attempts:
        return f"poison after {len(record.runs)} runs"
    return ""


def deaths(records: Records, harms: Iterable[Harm]) -> list[str]:
    """No run counts as dead without a fault that can have been the cause."""
    deadly = [harm for harm in harms if is_deadly(harm.fault.kind)]
    return [
        f"{record.id}: run {run.claim} on {run.worker} died without a cause from {run.started:.1f} to {run.ended}"
        for record in records.tasks.values()
        for run in record.runs
        if run.outcome == "died" and not any(_can_explain(harm, run) for harm in deadly)
    ]


def _can_explain(harm: Harm, run: Attempt) -> bool:
    ended = run.ended if run.ended is not None else float("inf")
    echo = ECHO_SECONDS if ended - run.started >= LEASE_SECONDS - CLOCK_SECONDS else CLOCK_SECONDS
    return harm.began - CLOCK_SECONDS <= ended and run.started <= harm.ended + echo


def runs(records: Records) -> list[str]:
    """The history of runs is whole: numbered without gaps, one after the other, one success at most."""
    return [f"{record.id}: {flaw}" for record in records.tasks.values() for flaw in _run_flaws(record)]


def _run_flaws(record: Record) -> Iterator[str]:
    if [run.claim for run in record.runs] != list(range(1, record.claims + 1)):
        yield f"{record.claims} claims, but runs {[run.claim for run in record.runs]}"
    for before, after in zip(record.runs, record.runs[1:], strict=False):
        if before.ended is None or before.ended > after.started + CLOCK_SECONDS:
            yield f"runs {before.claim} and {after.claim} overlap"
    if record.is_final and any(run.outcome is None for run in record.runs):
        yield "it has ended, a run has not"
    if (successes := sum(run.outcome == "succeeded" for run in record.runs)) != (record.status == "succeeded"):
        yield f"{successes} runs succeeded, the task is {record.status}"
    if record.status in FINAL and record.has_lease:
        yield "it has ended and nobody did what its kind does then"


def stories(records: Records, retried: Counter[str]) -> list[str]:
    """Each task's events are numbered without gaps and tell one end a life, and one result a success."""
    return [f"{record.id}: {flaw}" for record in records.tasks.values() for flaw in _story_flaws(record, retried)]


def _story_flaws(record: Record, retried: Counter[str]) -> Iterator[str]:
    if [number for number, _, _ in record.events] != list(range(1, len(record.events) + 1)):
        yield f"its events are numbered {[number for number, _, _ in record.events]}"
    states = [status for _, event, status in record.events if event == "state"]
    last_words = [status for status in states if status in FINAL]
    if len(last_words) != retried[record.id] + 1 or states[-1] != record.status:
        yield f"it is {record.status} after {retried[record.id]} retries, its story says {states}"
    told = sum(event == "result" for _, event, _ in record.events)
    if told != (record.status == "succeeded"):
        yield f"{told} results were told, the task is {record.status}"


def effects(acknowledged: Entries, records: Records) -> list[str]:
    """Every effect happened once: one result, one version, with the rows that were sent."""
    return [
        f"{entry['id']} ({entry['work']}): {flaw}"
        for entry in acknowledged
        if (record := records.tasks.get(entry["id"])) is not None
        for flaw in (*_result_flaws(entry, record), *_version_flaws(entry, record, records))
    ]


def _result_flaws(entry: dict[str, Any], record: Record) -> Iterator[str]:
    due = int(record.status == "succeeded" and entry["work"] in KEEPS_RESULT)
    if record.results != due:
        yield f"{record.results} results are kept instead of {due}"


def _version_flaws(entry: dict[str, Any], record: Record, records: Records) -> Iterator[str]:
    if entry["work"] not in MAKES_VERSION:
        return
    made = [one for versions in records.versions.values() for one in versions if one.task_id == record.id]
    ready = [one for one in made if one.status == "ready"]
    if len(ready) != (record.status == "succeeded"):
        yield f"the task is {record.status} and made {len(ready)} versions"
    for one in ready:
        if entry["work"] != "append" and (one.row_count, one.version) != (entry["rows"], 1):
            yield f"{one.row_count} rows in version {one.version} instead of {entry['rows']} in the first"
        if entry["work"] == "upload" and one.raw_sha256 != entry["sha256"]:
            yield "its file is not what was sent"


def growth(acknowledged: Entries, records: Records) -> list[str]:
    """A dataset that was appended to has all rows of the appends that succeeded, once each."""
    flaws = []
    for first in (entry for entry in acknowledged if entry.get("name") == "log"):
        done = [
            entry
            for entry in acknowledged
            if entry["work"] == "append" and entry["dataset"] == first["dataset"] and _succeeded(entry, records)
        ]
        ready = [version for version in records.versions[first["dataset"]] if version.status == "ready"]
        rows = first["rows"] + sum(entry["rows"] for entry in done)
        if not ready or (len(ready), ready[-1].row_count) != (len(done) + 1, rows):
            flaws.append(f"dataset {first['dataset']}: {ready}, but {len(done)} appends make {rows} rows")
    return flaws


def _succeeded(entry: dict[str, Any], records: Records) -> bool:
    record = records.tasks.get(entry["id"])
    return record is not None and record.status == "succeeded"
