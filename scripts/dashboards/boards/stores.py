"""PostgreSQL, Redis and the object store: their state, and what our processes see of them."""

from .model import BAD_IF_ANY, GOOD_IF_ONE, USE, USED, Board, Panel, Query, Row, picked, quantile, rate, total

STATE = Row(
    "State",
    (
        Panel(
            "Answer",
            "1 where they do.",
            "short",
            (Query(f"min by (store) ({picked('store_up')})", "{{store}}"),),
            kind="stat",
            steps=GOOD_IF_ONE,
        ),
        Panel(
            "Breaker of Redis",
            "1 where a process does without it.",
            "short",
            (Query(f"max by (job) ({picked('redis_breaker_open')})", "{{job}}"),),
            kind="stat",
            steps=BAD_IF_ANY,
        ),
        Panel(
            "Size of the database",
            "Tables, indexes and what is dead in them.",
            "bytes",
            (Query(f"max({picked('postgres_database_bytes')})", "bytes"),),
        ),
    ),
)

POSTGRES = Row(
    "PostgreSQL",
    (
        Panel(
            "Connections",
            "By state, and the most there may be.",
            "short",
            (
                Query(total("postgres_connections", by="state"), "{{state}}"),
                Query(f"max({picked('postgres_max_connections')})", "most"),
            ),
        ),
        Panel(
            "Transactions",
            "A second.",
            "ops",
            (Query(rate("postgres_transactions_total", by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Found in memory",
            "Share of the blocks that were read.",
            "percentunit",
            (Query(f"max({picked('postgres_cache_hit_ratio')})", "share"),),
            highest=1,
        ),
        Panel(
            "Time of a statement",
            "95 of a hundred take less, seen by our processes.",
            "s",
            (Query(quantile(0.95, "db_statement_seconds", by="job"), "{{job}}"),),
        ),
        Panel(
            "Wait for a connection",
            "99 of a hundred wait less.",
            "s",
            (Query(quantile(0.99, "db_pool_acquire_seconds", by="job"), "{{job}}"),),
        ),
        Panel(
            "Pool in use",
            "Share of the connections that a process may have.",
            "percentunit",
            (
                Query(
                    f"{total('db_pool_connections', USED, by='job')} / {total('db_pool_max_connections', by='job')}",
                    "{{job}}",
                ),
            ),
            steps=USE,
            highest=1,
        ),
        Panel(
            "Waiting for a connection",
            "Requests and tasks, now.",
            "short",
            (Query(total("db_pool_waiting", by="job"), "{{job}}"),),
            steps=BAD_IF_ANY,
        ),
        Panel(
            "Errors",
            "A second, by kind; empty while there is none.",
            "ops",
            (Query(rate("db_errors_total", by="job, kind"), "{{job}} {{kind}}"),),
        ),
        Panel(
            "Deadlocks",
            "A minute.",
            "short",
            (Query(f"60 * {rate('postgres_deadlocks_total')}", "deadlocks"),),
        ),
    ),
)

REDIS = Row(
    "Redis",
    (
        Panel(
            "Memory",
            "In use, and the most there may be (0: no bound of its own).",
            "bytes",
            (
                Query(f"max({picked('redis_memory_used_bytes')})", "used"),
                Query(f"max({picked('redis_memory_max_bytes')})", "most"),
            ),
        ),
        Panel(
            "Commands",
            "A second, by outcome, from our processes.",
            "ops",
            (Query(rate("redis_commands_total", by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Time of a command",
            "99 of a hundred take less.",
            "s",
            (Query(quantile(0.99, "redis_command_seconds", by="job"), "{{job}}"),),
        ),
        Panel(
            "Clients",
            "Connected.",
            "short",
            (Query(f"max({picked('redis_connected_clients')})", "clients"),),
        ),
        Panel(
            "Pushed out or refused",
            "Keys and connections, a minute.",
            "short",
            (
                Query(f"60 * {rate('redis_evicted_keys_total')}", "keys pushed out"),
                Query(f"60 * {rate('redis_rejected_connections_total')}", "connections refused"),
            ),
        ),
    ),
)

OBJECTS = Row(
    "Object store",
    (
        Panel(
            "Requests",
            "A second, by operation.",
            "reqps",
            (Query(rate("object_store_requests_total", by="operation"), "{{operation}}"),),
        ),
        Panel(
            "Outcomes",
            "A second.",
            "reqps",
            (Query(rate("object_store_requests_total", by="outcome"), "{{outcome}}"),),
        ),
        Panel(
            "Time of a request",
            "95 of a hundred take less.",
            "s",
            (Query(quantile(0.95, "object_store_request_seconds", by="operation"), "{{operation}}"),),
        ),
        Panel(
            "Bytes",
            "To it and from it.",
            "Bps",
            (Query(rate("object_store_bytes_total", by="direction"), "{{direction}}"),),
        ),
    ),
)

STORES = Board(
    "ai-platform-stores",
    "Data stores",
    "PostgreSQL, Redis and the object store.",
    (STATE, POSTGRES, REDIS, OBJECTS),
)
