"""Tasks, their queues, the workers, the computing children, and Ray."""

from .model import BAD_IF_ANY, GOOD_IF_ONE, Board, Panel, Query, Row, mean, picked, quantile, rate, total

BAD = 'outcome=~"failed|lost|dead"'
WORKER_JOBS = 'job=~".*-worker"'

QUEUES = Row(
    "Queues",
    (
        Panel(
            "Waiting",
            "Tasks by queue.",
            "short",
            (Query(f"max by (queue) ({picked('task_queue_depth')})", "{{queue}}"),),
        ),
        Panel(
            "Oldest waits for",
            "Of those that could run.",
            "s",
            (Query(f"max by (queue) ({picked('task_oldest_queued_seconds')})", "{{queue}}"),),
            steps=((None, "green"), (300, "yellow"), (900, "red")),
        ),
        Panel(
            "Wait before the start",
            "95 of a hundred tasks wait less.",
            "s",
            (Query(quantile(0.95, "task_wait_seconds", by="queue"), "{{queue}}"),),
        ),
        Panel(
            "Running, of slots",
            "Tasks that run, and how many may at once.",
            "short",
            (
                Query(total("tasks_running", by="queue"), "{{queue}}"),
                Query(total("worker_slots", by="queue"), "{{queue}} slots"),
            ),
        ),
        Panel(
            "In the ledger",
            "Not ended, and those ended within an hour.",
            "short",
            (Query(f"max by (queue, status) ({picked('tasks')})", "{{queue}} {{status}}"),),
            kind="table",
        ),
        Panel(
            "Given up",
            "Within a day, since their worker died on them again and again.",
            "short",
            (Query(f"max by (queue) ({picked('task_dead_letters')})", "{{queue}}"),),
            kind="stat",
            steps=BAD_IF_ANY,
        ),
    ),
)

ENDS = Row(
    "Runs",
    (
        Panel(
            "Ended",
            "A minute, by outcome.",
            "short",
            (Query(f"60 * {rate('tasks_ended_total', by='outcome')}", "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Ended by kind",
            "A minute.",
            "short",
            (Query(f"60 * {rate('tasks_ended_total', by='kind')}", "{{kind}}"),),
            stacked=True,
        ),
        Panel(
            "Failed, lost or given up",
            "A minute, by kind and outcome; empty while there is none.",
            "short",
            (
                Query(
                    f"60 * {rate('tasks_ended_total', BAD, by='kind, outcome')}",
                    "{{kind}} {{outcome}}",
                ),
            ),
        ),
        Panel(
            "Time of a run",
            "Mean, by kind.",
            "s",
            (Query(mean("task_run_seconds", by="kind"), "{{kind}}"),),
        ),
        Panel(
            "Time of 95 of a hundred runs",
            "By kind.",
            "s",
            (Query(quantile(0.95, "task_run_seconds", by="kind"), "{{kind}}"),),
        ),
        Panel(
            "Ray",
            "Jobs a minute: done there, done without it, failed.",
            "short",
            (Query(f"60 * {rate('ray_jobs_total', by='outcome')}", "{{outcome}}"),),
        ),
    ),
)

WORKERS = Row(
    "Workers and their children",
    (
        Panel(
            "Workers alive",
            "With a fresh heartbeat in the ledger.",
            "short",
            (Query(f"max by (service) ({picked('workers_alive')})", "{{service}}"),),
            kind="stat",
            steps=GOOD_IF_ONE,
        ),
        Panel(
            "Age of the last heartbeat",
            "From a minute on an alert warns.",
            "s",
            (Query(f"time() - max by (job) ({picked('worker_heartbeat_timestamp_seconds', WORKER_JOBS)})", "{{job}}"),),
            steps=((None, "green"), (30, "yellow"), (60, "red")),
        ),
        Panel(
            "Computing children",
            "Those that compute or wait for a job.",
            "short",
            (Query(total("compute_children", by="job"), "{{job}}"),),
        ),
        Panel(
            "Children started",
            "A minute.",
            "short",
            (Query(f"60 * {rate('compute_children_started_total', by='job')}", "{{job}}"),),
        ),
        Panel(
            "Children that died",
            "A minute, by reason; empty while there is none.",
            "short",
            (Query(f"60 * {rate('compute_child_deaths_total', by='reason')}", "{{reason}}"),),
        ),
        Panel(
            "Memory of the workers",
            "Resident, without their children.",
            "bytes",
            (Query(total("process_resident_memory_bytes", WORKER_JOBS, by="job"), "{{job}}"),),
        ),
    ),
)

TASKS = Board(
    "ai-platform-tasks",
    "Tasks and workers",
    "What waits, what runs, how it ends, and who does it.",
    (QUEUES, ENDS, WORKERS),
)
