"""Every instrument of a process in one registry; what is counted stands in the module of its noun.

An instrument is declared once, at module level, with `registry=REGISTRY`; a Gauge also with a `multiprocess_mode`
(`livesum` where the processes of a service add up, `max` or `mostrecent` where they do not), since several HTTP workers
answer as one. What has to be asked for when somebody scrapes (tables, servers) is no instrument but a reading: its
families are declared with `shared.metrics.families`, and a service adds what reads them to `app.state.readings`.
Labels come from bounded sets only.
"""

from prometheus_client import CollectorRegistry, disable_created_metrics

# When a counter began nobody asks, and each would have a second series for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry(auto_describe=True)

# Bounds of histograms, in seconds and bytes: what a server of ours does for one request; a request; a task; a body.
QUICK_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
TASK_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
BODY_BYTES = (0, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 8388608, 67108864, 536870912)

__all__ = ["BODY_BYTES", "QUICK_SECONDS", "REGISTRY", "REQUEST_SECONDS", "TASK_SECONDS"]
