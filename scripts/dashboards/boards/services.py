"""The three HTTP services: traffic, time and where it goes, refusals, processes."""

from functools import partial

from . import model
from .model import OURS, OWN, USED, Board, Panel, Query, Row, picked

rate = partial(model.rate, by_service=True)
total = partial(model.total, by_service=True)
quantile = partial(model.quantile, by_service=True)
chosen = partial(picked, by_service=True)
HIT = 'outcome="hit"'

TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests", "Answered a second.", "reqps", (Query(rate("http_requests_total", OWN, by="job"), "{{job}}"),)
        ),
        Panel(
            "Answers by status",
            "A second, over all chosen services.",
            "reqps",
            (Query(rate("http_requests_total", OWN, by="status"), "{{status}}"),),
            stacked=True,
        ),
        Panel(
            "Requests in progress",
            "Streams of events count for as long as somebody listens.",
            "short",
            (Query(total("http_requests_active", by="job"), "{{job}}"),),
        ),
        Panel(
            "Bytes in",
            "Bodies of requests.",
            "Bps",
            (Query(rate("http_request_size_bytes_sum", by="job"), "{{job}}"),),
        ),
        Panel(
            "Bytes out",
            "Bodies of answers.",
            "Bps",
            (Query(rate("http_response_size_bytes_sum", by="job"), "{{job}}"),),
        ),
        Panel(
            "Errors of ours by route",
            "5xx a second; empty while there is none.",
            "reqps",
            (Query(rate("http_requests_total", OURS, by="job, path"), "{{job}} {{path}}"),),
        ),
    ),
)

TIME = Row(
    "Time",
    (
        Panel(
            "Time of 95 of a hundred requests",
            "To the last byte; the others take longer.",
            "s",
            (Query(quantile(0.95, "http_request_duration_seconds", OWN, by="job"), "{{job}}"),),
        ),
        Panel(
            "Slowest routes",
            "Time of 95 of a hundred requests.",
            "s",
            (
                Query(
                    f"topk(10, {quantile(0.95, 'http_request_duration_seconds', OWN, by='job, path')})",
                    "{{job}} {{path}}",
                ),
            ),
        ),
        Panel(
            "Slow requests",
            "Over SLOW_REQUEST_SECONDS, a second; those long by nature do not count.",
            "reqps",
            (Query(rate("http_slow_requests_total", by="job, path"), "{{job}} {{path}}"),),
        ),
        Panel(
            "Where slow requests spend their time",
            "Seconds a second, of slow requests only.",
            "s",
            (Query(rate("http_request_part_seconds_total", by="part"), "{{part}}"),),
            stacked=True,
        ),
        Panel(
            "Lag of the event loop",
            "How late 99 of a hundred turns come at most; from 0.25 s on an alert warns.",
            "s",
            (Query(quantile(0.99, "event_loop_lag_seconds", by="job"), "{{job}}"),),
            steps=((None, "green"), (0.1, "yellow"), (0.25, "red")),
        ),
        Panel(
            "Connections of the database pool",
            "In use and the most there may be.",
            "short",
            (
                Query(total("db_pool_connections", USED, by="job"), "{{job}} used"),
                Query(total("db_pool_max_connections", by="job"), "{{job}} most"),
            ),
        ),
    ),
)

REFUSALS = Row(
    "Refused, remembered, sent",
    (
        Panel(
            "Limited",
            "Requests a second that met a rate limit.",
            "reqps",
            (Query(rate("rate_limited_total", by="policy"), "{{policy}}"),),
        ),
        Panel(
            "Not let in",
            "Logins and tokens refused, a second.",
            "reqps",
            (Query(rate("auth_failures_total", by="reason"), "{{reason}}"),),
        ),
        Panel(
            "Caches",
            "Share of what was found.",
            "percentunit",
            (
                Query(
                    f"{rate('cache_requests_total', HIT, by='cache')} / "
                    f"({rate('cache_requests_total', by='cache')} > 0)",
                    "{{cache}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Uploads",
            "A minute, by how they ended.",
            "short",
            (Query(f"60 * {rate('uploads_total', by='outcome')}", "{{outcome}}"),),
        ),
        Panel(
            "Webhooks",
            "Deliveries tried a minute.",
            "short",
            (Query(f"60 * {rate('webhook_deliveries_total', by='outcome')}", "{{outcome}}"),),
        ),
        Panel(
            "Answers given again",
            "For a repeated Idempotency-Key, a minute.",
            "short",
            (Query(f"60 * {rate('idempotent_replays_total', by='job')}", "{{job}}"),),
        ),
    ),
)

PROCESSES = Row(
    "Processes",
    (
        Panel(
            "Memory",
            "Resident.",
            "bytes",
            (Query(total("process_resident_memory_bytes", by="job"), "{{job}}"),),
        ),
        Panel(
            "Cores in use",
            "Of one service all its workers together.",
            "short",
            (Query(rate("process_cpu_seconds_total", by="job"), "{{job}}"),),
        ),
        Panel(
            "File descriptors",
            "In use.",
            "short",
            (Query(total("process_open_fds", by="job"), "{{job}}"),),
        ),
        Panel(
            "Running for",
            "Since the last start.",
            "s",
            (Query(f"time() - max by (job) ({chosen('process_start_time_seconds')})", "{{job}}"),),
            kind="stat",
        ),
        Panel(
            "Log lines",
            "A second, by level.",
            "short",
            (Query(rate("log_lines_total", by="level"), "{{level}}"),),
            stacked=True,
        ),
        Panel(
            "Versions",
            "What runs.",
            "short",
            (Query(f"count by (service, version) ({chosen('service_info')})", "{{service}} {{version}}"),),
            kind="table",
        ),
    ),
)

SERVICES = Board(
    "ai-platform-services",
    "Services",
    "The processes: traffic, time and where it goes, refusals, memory.",
    (TRAFFIC, TIME, REFUSALS, PROCESSES),
    by_service=True,
)
