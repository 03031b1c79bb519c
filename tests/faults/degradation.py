"""What an instance still does while something is away: one table, from which docs/degradation.md is made.

`python -m tests.faults.degradation --write` writes the document. `test_degradation.py` makes each fault and holds what
is answered against this; whatever is not named of a fault works as ever.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "degradation.md"


@dataclass(frozen=True, slots=True)
class Route:
    """A class of routes: one of them that stands for all, and how it answers when all is well."""

    title: str
    example: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes instead: `answers` as status and code, within so many seconds on a machine that is not busy."""

    answers: tuple[str, ...]
    # Where nobody listens, and where somebody listens and says nothing.
    away: float
    silent: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is away."""

    title: str
    # Programs of scripts/instances that are ended or stopped for it.
    programs: tuple[str, ...]
    goes_on: str
    instead: Mapping[str, Outcome] = field(default_factory=dict)
    # So soon everything that works as ever is answered while it is away, or silent.
    away: float = 2.0
    silent: float = 2.0
    # Workers and their like say nothing to anybody: to be ended and to be stopped is the same.
    can_be_silent: bool = True


ROUTES = {
    "log in": Route("log in", "POST /auth/login"),
    "refresh": Route("refresh", "POST /auth/refresh"),
    "who am I": Route("session-checked read", "GET /auth/me"),
    "read": Route("read of a service", "GET /datasets/{id}"),
    "rows": Route("read of contents", "GET /datasets/{id}/rows"),
    "write": Route("write", "POST /projects", 201),
    "upload": Route("upload", "POST /upload/file", 202),
    "download": Route("download", "GET /datasets/{id}/download"),
    "cold": Route("download of what is not at hand", "GET /datasets/{id}/download"),
    "query": Route("query", "POST /process/query"),
    "submit": Route("submit a task", "POST /analysis", 202),
    "task": Route("read a task", "GET /tasks/{id}"),
    "events": Route("follow a task", "GET /tasks/{id}/events"),
    "predict": Route("predict", "POST /models/{id}/predict"),
    "job": Route("submit a job for Ray", "POST /tasks", 202),
    "ask": Route("ask the LLM", "POST /analysis/ask", 202),
    "administer": Route("administer", "GET /users"),
    "health": Route("alive", "GET /health"),
    "ready": Route("ready", "GET /ready"),
    "metrics": Route("metrics", "GET /metrics"),
}

_OF_DATA = ("read", "rows", "upload", "download", "cold", "query")
_OF_AI = ("submit", "task", "events", "predict", "job", "ask")
_NO_DATABASE = Outcome(("503 unavailable",), 2.0, 5.0)
_NO_SERVICE = Outcome(("503 upstream_unavailable",), 3.0, 40.0)
FAULTS = {
    "postgres": Fault(
        "PostgreSQL",
        ("postgres",),
        "Whoever was known a moment ago is still known, for as long as Redis remembers the session. Workers keep what"
        " they compute and hand it in once it is back; lapsed leases are taken up by others. It is tried again with"
        " each request, so nobody has to restart anything.",
        dict.fromkeys(
            ("log in", "refresh", "write", *_OF_DATA, *_OF_AI, "administer"),
            _NO_DATABASE,
        )
        | {"who am I": Outcome(("200", "503 unavailable"), 2.0, 5.0), "ready": Outcome(("503",), 2.0, 3.0)},
        silent=4.0,
    ),
    "redis": Fault(
        "Redis",
        ("redis",),
        "Everything. Sessions are read from PostgreSQL, each process limits requests by itself, wrong passwords are"
        " counted in the process, answers are not remembered, and workers look for tasks every few seconds instead of"
        " being rung for. Pieces of an LLM's answer are not shown while it is written.",
        away=3.0,
        silent=6.0,
    ),
    "object-store": Fault(
        "object store",
        ("object-store",),
        "All that needs no file, and what services have at hand of those that were read before. Tasks that read or"
        " write files go back into the queue and wait, without a counted attempt.",
        {
            "upload": Outcome(("503 unavailable",), 5.0, 60.0),
            "cold": Outcome(("503 unavailable",), 5.0, 60.0),
        },
    ),
    "workers": Fault(
        "workers",
        ("data-worker", "ai-worker", "beat"),
        "Everything is accepted, and waits. Queries, rows, predictions and charts are made by the services themselves."
        " `GET /tasks/workers` shows that nobody is there.",
        can_be_silent=False,
    ),
    "ray": Fault(
        "Ray",
        ("ray",),
        "All work that does not ask for Ray by name: with `executor` auto it is done in the worker, and the result says"
        " so.",
        {"job": Outcome(("503 ray_unavailable",), 4.0, 15.0)},
    ),
    "llm": Fault(
        "LLM",
        (),
        "Questions are accepted and wait for `LLM_WAIT_SECONDS`; then they fail as `llm_unavailable`. Nothing else asks"
        " it.",
    ),
    "data-service": Fault(
        "data service",
        ("data-service",),
        "Accounts, projects, members, quotas, webhooks and usage, and all of the AI service: what has been ingested is"
        " analysed. Ingests and pipelines go on, for they are the worker's.",
        dict.fromkeys(_OF_DATA, _NO_SERVICE),
    ),
    "ai-service": Fault(
        "AI service",
        ("ai-service",),
        "Accounts, projects, members, quotas, webhooks and usage, and all of the data service. Analyses that were"
        " accepted go on, for they are the worker's.",
        dict.fromkeys(_OF_AI, _NO_SERVICE),
    ),
    "prometheus": Fault("Prometheus", ("prometheus",), "Everything: it asks, and nobody asks it.", can_be_silent=False),
}

# What answers nobody's request, and is shown to be harmless by tests of its own.
BESIDE = {
    "the trace collector (`OTLP_ENDPOINT`)": (
        "Spans are dropped and counted. Requests, tasks and the end of a process do not wait for it.",
        "shared/tests/test_trace_outages.py",
    ),
    "Sentry (`SENTRY_DSN`)": (
        "Reports are dropped and counted; what they would have said is in the log.",
        "shared/tests/test_sentry.py",
    ),
    "the mail server (`SMTP_HOST`)": (
        "Mails wait in the outbox and are sent later; whoever asked for one is answered at once.",
        "api-gateway/tests/test_mailer.py",
    ),
    "receivers of webhooks": (
        "Deliveries are tried again after growing pauses; nothing else waits for them.",
        "api-gateway/tests/test_webhooks_sender.py",
    ),
}

_HEAD = """# What goes on when something is away

Made from `tests/faults/degradation.py`, and held against running instances, where each of these is ended or stopped for
real, by `tests/faults/test_degradation.py` and, with all that takes long, by `scripts/soak.sh --degradation`.

*Away* is that nobody listens; *silent*, that somebody accepts connections and says nothing, as a machine does that has
lost its network or hangs. Seconds are upper bounds on a machine that is not busy. Every problem of 503 carries
`Retry-After`; a dot says that the class works as ever.

"""


def bounds(outcome: Outcome, fault: Fault) -> str:
    """How soon it is answered: away, and silent."""
    return f"{outcome.away:g} s" + (f", silent {outcome.silent:g} s" if fault.can_be_silent else "")


def cell(route: str, fault: Fault) -> str:
    """What one class of routes answers under one fault."""
    outcome = fault.instead.get(route)
    if outcome is None:
        return "·"
    said = " or ".join(" ".join([status, *(f"`{code}`" for code in codes)]) for status, *codes in _split(outcome))
    return f"{said}: {bounds(outcome, fault)}"


def _split(outcome: Outcome) -> list[list[str]]:
    return [answer.split() for answer in outcome.answers]


def document() -> str:
    """The whole of docs/degradation.md."""
    faults = FAULTS.values()
    lines = [f"| class | for example | well | {' | '.join(fault.title for fault in faults)} |"]
    lines += [f"|---|---|---|{'---|' * len(FAULTS)}"]
    for name, route in ROUTES.items():
        cells = " | ".join(cell(name, fault) for fault in faults)
        lines.append(f"| {route.title} | `{route.example}` | {route.status} | {cells} |")
    lines += ["", "## What goes on", "", "| away | what goes on | all else within |", "|---|---|---|"]
    for fault in faults:
        usual = f"{fault.away:g} s" + (f", silent {fault.silent:g} s" if fault.can_be_silent else "")
        lines.append(f"| {fault.title} | {fault.goes_on} | {usual} |")
    lines += ["", "## What nobody's request waits for", "", "| away | what goes on | shown by |", "|---|---|---|"]
    lines += [f"| {name} | {words} | `{test}` |" for name, (words, test) in BESIDE.items()]
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(document())
    else:
        sys.stdout.write(document())
