"""The servers that an instance works on, as they tell of themselves; asked when somebody scrapes."""

from .families import counter_family, gauge_family

UP = gauge_family("store_up", "Whether the server answered when it was asked last.", ("store",))

POSTGRES_BYTES = gauge_family("postgres_database_bytes", "Bytes of the instance's database.")
POSTGRES_CONNECTIONS = gauge_family("postgres_connections", "Connections of clients, by what they do.", ("state",))
POSTGRES_MAX_CONNECTIONS = gauge_family("postgres_max_connections", "Connections that the server takes.")
POSTGRES_TRANSACTIONS = counter_family(
    "postgres_transactions_total", "Transactions of the instance's database.", ("outcome",)
)
POSTGRES_DEADLOCKS = counter_family("postgres_deadlocks_total", "Deadlocks in the instance's database.")
POSTGRES_CACHE_HITS = gauge_family(
    "postgres_cache_hit_ratio", "The part of all blocks read since statistics began that were in the server's memory."
)
POSTGRES_OLDEST = gauge_family(
    "postgres_oldest_transaction_seconds", "How long the transaction has been open that was opened first."
)

REDIS_MEMORY = gauge_family("redis_memory_used_bytes", "Memory that Redis uses.")
REDIS_MAX_MEMORY = gauge_family("redis_memory_max_bytes", "Memory that Redis may use; 0 for any.")
REDIS_CLIENTS = gauge_family("redis_connected_clients", "Connections of clients.")
REDIS_EVICTED = counter_family("redis_evicted_keys_total", "Keys that had to make room for others.")
REDIS_REJECTED = counter_family("redis_rejected_connections_total", "Connections that Redis had no room for.")
