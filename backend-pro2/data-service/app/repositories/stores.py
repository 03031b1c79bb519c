"""What PostgreSQL tells of itself and of the instance's database."""

from dataclasses import dataclass

from shared.database import Session

_DATABASE = """
SELECT pg_database_size(datname)::float8 AS bytes, current_setting('max_connections')::int AS max_connections,
       xact_commit AS committed, xact_rollback AS rolled_back, deadlocks, blks_hit AS hits, blks_read AS reads
FROM pg_stat_database
WHERE datname = current_database()
"""

# Of other roles' connections the state may be hidden, and of those that are being made it is not known yet.
_CONNECTIONS = """
SELECT CASE WHEN state IN ('active', 'idle') THEN state
            WHEN state LIKE 'idle in transaction%' THEN 'idle_in_transaction'
            ELSE 'other' END AS state,
       count(*) AS number,
       coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 AS oldest_seconds
FROM pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY 1
"""

CONNECTION_STATES = ("active", "idle", "idle_in_transaction", "other")


@dataclass(frozen=True, slots=True)
class DatabaseFigures:
    """Of the instance's database; counts since its statistics began."""

    bytes: float
    max_connections: int
    committed: int
    rolled_back: int
    deadlocks: int
    hits: int
    reads: int


@dataclass(frozen=True, slots=True)
class ConnectionFigures:
    """Connections in one state, and how long the oldest transaction of them has been open."""

    state: str
    number: int
    oldest_seconds: float


async def database(session: Session) -> DatabaseFigures | None:
    """The figures of the database that the session is in."""
    return await session.fetch_one(DatabaseFigures, _DATABASE)


async def connections(session: Session) -> list[ConnectionFigures]:
    """What the server's clients do, one of them for each state that is met."""
    return await session.fetch_all(ConnectionFigures, _CONNECTIONS)
