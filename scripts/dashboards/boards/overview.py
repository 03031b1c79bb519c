"""The first look: whether the instance works, how much it has to do, and whether anything is about to run out."""

from .model import (
    BAD_IF_ANY,
    GOOD_IF_ONE,
    OURS,
    OWN,
    RATIO,
    USE,
    Board,
    Panel,
    Query,
    Row,
    grown,
    picked,
    quantile,
    rate,
    total,
)

GATEWAY = 'job="api-gateway"'
_requests = rate("http_requests_total", GATEWAY, OWN)
_errors = f"({rate('http_requests_total', GATEWAY, OWN, OURS)} or vector(0))"
_slow = f"({rate('http_slow_requests_total', GATEWAY, OWN)} or vector(0))"

NOW = Row(
    "Now",
    (
        Panel(
            "Parts that answer",
            "Of what Prometheus asks every 15 seconds.",
            "short",
            (Query(f"sum({picked('up')})", "up"), Query(f"count({picked('up')})", "all")),
            kind="stat",
            wide=4,
        ),
        Panel(
            "Services ready",
            "1 where every service can serve.",
            "short",
            (Query(f"min({picked('service_ready')})", "ready"),),
            kind="stat",
            wide=4,
            steps=GOOD_IF_ONE,
        ),
        Panel(
            "Alerts",
            "Firing now, but for the one that always does.",
            "short",
            (Query('count(ALERTS{alertstate="firing",alertname!="Watchdog"}) or vector(0)', "firing"),),
            kind="stat",
            wide=4,
            steps=BAD_IF_ANY,
        ),
        Panel(
            "Stores",
            "1 where PostgreSQL, Redis and the object store answer.",
            "short",
            (Query(f"min by (store) ({picked('store_up')})", "{{store}}"),),
            kind="stat",
            wide=8,
            steps=GOOD_IF_ONE,
        ),
        Panel(
            "Workers alive",
            "Processes with a fresh heartbeat, by service.",
            "short",
            (Query(f"max by (service) ({picked('workers_alive')})", "{{service}}"),),
            kind="stat",
            wide=4,
            steps=GOOD_IF_ONE,
        ),
    ),
)

PEOPLE = Row(
    "What people see at the gateway",
    (
        Panel(
            "Requests",
            "Answered a second, by class of status.",
            "reqps",
            (
                Query(
                    "sum by (class) (label_replace("
                    f"rate({picked('http_requests_total', GATEWAY, OWN)}[$__rate_interval]), "
                    '"class", "${1}xx", "status", "(.).*"))',
                    "{{class}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Share of errors and of slow answers",
            "Errors of ours (5xx; 0.5 % may be) and answers over SLOW_REQUEST_SECONDS (1 % may be).",
            "percentunit",
            (Query(f"{_errors} / ({_requests} > 0)", "errors"), Query(f"{_slow} / ({_requests} > 0)", "slow")),
            steps=RATIO,
        ),
        Panel(
            "Time to the last byte",
            "Half, 95 and 99 of a hundred requests take less; streams and long uploads are among them.",
            "s",
            tuple(
                Query(quantile(share, "http_request_duration_seconds", GATEWAY, OWN), name)
                for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))
            ),
        ),
    ),
)

WORK = Row(
    "Work",
    (
        Panel(
            "Tasks ended",
            "A second, by how they ended.",
            "ops",
            (Query(rate("tasks_ended_total", by="outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Tasks waiting",
            "By queue, as the ledger has them.",
            "short",
            (Query(f"max by (queue) ({picked('task_queue_depth')})", "{{queue}}"),),
        ),
        Panel(
            "Oldest task waiting",
            "An alert warns from five minutes on.",
            "s",
            (Query(f"max by (queue) ({picked('task_oldest_queued_seconds')})", "{{queue}}"),),
            steps=((None, "green"), (300, "yellow"), (900, "red")),
        ),
    ),
)

ROOM = Row(
    "Room",
    (
        Panel(
            "Disk in use",
            "Of the disks with scratch files and the cache.",
            "percentunit",
            (
                Query(
                    f"1 - min by (place) ({picked('disk_free_bytes')} / {picked('disk_size_bytes')})",
                    "{{place}}",
                ),
            ),
            steps=USE,
            highest=1,
        ),
        Panel(
            "Memory",
            "Resident, by process; of a service with several workers all together.",
            "bytes",
            (Query(total("process_resident_memory_bytes", by="job"), "{{job}}"),),
            stacked=True,
        ),
        Panel(
            "Cores in use",
            "By process.",
            "short",
            (Query(rate("process_cpu_seconds_total", by="job"), "{{job}}"),),
            stacked=True,
        ),
    ),
)

ALERTS = Row(
    "Alerts",
    (
        Panel(
            "Alerts of the time shown",
            "Which fired; what each means and what to do stands in docs/runbooks.md.",
            "short",
            (
                Query(
                    'sum by (alertname, severity) (count_over_time(ALERTS{alertstate="firing"}[$__range]))',
                    "{{alertname}}",
                ),
            ),
            kind="table",
            wide=12,
        ),
        Panel(
            "Requests of the time shown",
            "The busiest routes.",
            "short",
            (
                Query(
                    f"topk(15, {grown('http_requests_total', GATEWAY, OWN, by='method, path')})",
                    "{{method}} {{path}}",
                ),
            ),
            kind="table",
            wide=12,
        ),
    ),
)

OVERVIEW = Board(
    "ai-platform-overview",
    "Overview",
    "Whether the instance works, how much it has to do, and what is about to run out.",
    (NOW, PEOPLE, WORK, ROOM, ALERTS),
)
