"""The sums that must agree at the end of a long run: what is told, what is written down, and what is stored."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import asyncpg

from bucket import object_store

from ..e2e.receiver import Receiver
from .clients import Insistent
from .ledger import Ledger
from .records import Records
from .residents import can_log_in
from .stage import Stage

PATIENCE_SECONDS = 150.0
ACCOUNTS = 25

# What counts against a project's share, by the key of the object that holds it.
_KEYS = """
SELECT d.project_id::text AS project, raw.key FROM dataset_versions v
JOIN datasets d ON d.id = v.dataset_id CROSS JOIN LATERAL unnest(v.raw_keys) AS raw (key)
UNION SELECT d.project_id::text, v.parquet_key FROM dataset_versions v JOIN datasets d ON d.id = v.dataset_id
WHERE v.parquet_key IS NOT NULL
UNION SELECT project_id::text, key FROM query_results
UNION SELECT m.project_id::text, v.key FROM model_versions v JOIN models m ON m.id = v.model_id
"""
_CALLS = """
SELECT project_id::text AS project, count(*)::bigint AS calls, sum(tokens_in)::bigint AS tokens_in,
       sum(tokens_out)::bigint AS tokens_out, sum(cost) AS cost
FROM llm_calls GROUP BY project_id
"""
_METER = """
SELECT project_id::text AS project, sum(calls)::bigint AS calls, sum(tokens_in)::bigint AS tokens_in,
       sum(tokens_out)::bigint AS tokens_out, sum(cost) AS cost
FROM llm_usage GROUP BY project_id
"""
Sums = dict[str, tuple[int | Decimal, ...]]


def stored_bytes(stage: Stage) -> Counter[str]:
    """By project: how large the objects are that count against its share, as the store has them."""
    values = stage.stores.values
    listed = object_store(stage.stores).list_objects(values["S3_BUCKET"], recursive=True)
    sizes = {str(one.object_name): int(one.size or 0) for one in listed}
    found: Counter[str] = Counter()
    for row in asyncio.run(_rows(stage.database_url, _KEYS)):
        found[row["project"]] += sizes.get(row["key"], 0)
    return found


def share_flaws(people: Mapping[str, Insistent], stage: Stage, ledger: Ledger) -> list[str]:
    """What the instance tells a project of its use, against what is there."""
    there, flaws = stored_bytes(stage), []
    given = Counter(entry["project"] for entry in ledger.of("task"))
    for project, person in people.items():
        quotas = person.insist("GET", f"/projects/{project}/quotas").json()
        usage = person.insist("GET", f"/projects/{project}/usage").json()
        figures = {
            "bytes used": (quotas["bytes"]["used"], there[project]),
            "bytes told": (usage["bytes"], there[project]),
            "tasks": (sum(usage["tasks"].values()), given[project]),
            "tasks under way": (quotas["tasks"]["used"], 0),
        }
        flaws += [f"{project}: {told} {name}, {due} are there" for name, (told, due) in figures.items() if told != due]
    return flaws


def meter_flaws(stage: Stage) -> list[str]:
    """What was spent on the language model, call by call and in sum."""
    calls, meter = (_sums(asyncio.run(_rows(stage.database_url, query))) for query in (_CALLS, _METER))
    return [
        f"{project}: calls make {calls.get(project)}, the meter says {meter.get(project)}"
        for project in sorted(calls.keys() | meter.keys())
        if calls.get(project) != meter.get(project)
    ]


def message_flaws(receiver: Receiver, projects: set[str], records: Records, ledger: Ledger) -> list[str]:
    """Every task that succeeded in a project with a webhook was told of, once or more often."""
    due = {
        entry["id"]
        for entry in ledger.of("task")
        if entry["project"] in projects
        # A webhook hears of what ends once it is there.
        and entry.get("name") not in ("base", "log", "bin")
        and (record := records.tasks.get(entry["id"])) is not None
        and record.status == "succeeded"
    }
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (missing := due - told(receiver)) and time.monotonic() < deadline:
        time.sleep(1.0)
    return [f"no message came of the end of {task_id}" for task_id in sorted(missing)]


def told(receiver: Receiver) -> set[str]:
    """The tasks whose success was told."""
    said = [json.loads(message.body) for message in list(receiver.messages)]
    return {one["data"]["task_id"] for one in said if one["type"] == "task.succeeded"}


def keeping_flaws(gateway: str, people: Mapping[str, Insistent], ledger: Ledger) -> list[str]:
    """Accounts can log in, and what was thrown away or taken back last is so."""
    told = [entry["email"] for entry in ledger.of("account")]
    chosen = told[:: max(1, len(told) // ACCOUNTS)]
    flaws = [f"the account {email} cannot log in" for email in chosen if not can_log_in(gateway, email)]
    last = {entry["dataset"]: entry for entry in ledger.of("bin")}
    for dataset, entry in last.items():
        status = people[entry["project"]].insist("GET", f"/datasets/{dataset}").status_code
        if status != (404 if entry["gone"] else 200):
            flaws.append(f"dataset {dataset} answers {status}, though it was {'deleted' if entry['gone'] else 'kept'}")
    return flaws


def _sums(rows: list[dict[str, Any]]) -> Sums:
    return {row.pop("project"): tuple(row.values()) for row in rows}


async def _rows(url: str, query: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()
